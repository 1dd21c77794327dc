"""ONNX files as plain values.

| file | holds |
| --- | --- |
| ``file_part`` | stretches of an open file that are read when they are asked for |
| ``wire`` | protobuf's encoding |
| ``messages`` | what ONNX encodes in it: `OnnxModel`, its graph, nodes and functions |
| ``tensors`` | arrays, in whichever field they stand |
| ``data_files`` | arrays in files beside the model, opened only in its folder |
| ``attributes`` | of which kind each attribute is |
"""
