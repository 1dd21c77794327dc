"""ONNX, in and out.

| folder | holds |
| --- | --- |
| ``reading`` | bytes to `Model`: the wire format and ONNX's messages, every size checked, no package needed |
| ``lowering`` | what each ONNX operator is here, by the opset that it came with |
| ``exporting`` | networks as ONNX files; needs the ``onnx`` package |
"""
