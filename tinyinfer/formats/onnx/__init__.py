"""ONNX, in and out.

| part | holds |
| --- | --- |
| ``load`` | `load`: a file as a network that runs here |
| ``reading`` | bytes to `OnnxModel`: the wire format and ONNX's messages, every size checked, no package needed |
| ``inlining`` | functions of the file, and branches that are known, as plain nodes |
| ``inputs`` | the inputs, and what sizes are that a file leaves free |
| ``metadata`` | what a file says beside its network |
| ``lowering`` | what each ONNX operator is here, by the opset that it came with |
| ``exporting`` | networks as ONNX files; needs the ``onnx`` package |
"""
