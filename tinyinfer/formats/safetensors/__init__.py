"""safetensors in and out: a JSON header of bounded size, then nothing but the bytes of the arrays.

| file | holds |
| --- | --- |
| ``header`` | what a file says of its arrays, every rule of the format checked |
| ``checkpoint`` | ``read_checkpoint``: a state dict from one file, or from the shards that an index names |
| ``writer`` | ``save``: weights as a file that any reader of the format takes |

The format: https://github.com/huggingface/safetensors.
"""
