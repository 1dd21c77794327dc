"""Networks as ONNX files: `export` writes them, `operators` says each operator in ONNX's words."""
