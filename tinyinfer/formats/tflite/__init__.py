"""TensorFlow Lite files in.

| folder | holds |
| --- | --- |
| ``reading`` | bytes to `TfliteModel`: FlatBuffers, TFLite's tables, arrays, metadata; every offset and size checked |
| ``lowering`` | what each builtin operator is here, and which of our values stands for which order of dimensions |
"""
