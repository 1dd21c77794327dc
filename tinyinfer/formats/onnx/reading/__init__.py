"""ONNX files as plain values: `wire` reads protobuf's encoding, `messages` what ONNX encodes in it."""
