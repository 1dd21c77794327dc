"""ncnn in: a ``.param`` text that names layers, and a ``.bin`` with their weights in the same order.

| folder | holds |
| --- | --- |
| ``reading/`` | the text, the weights, parameters by name, each checked |
| ``lowering/`` | what each layer is here, and which weights it brings |
| ``load`` | the whole file as a graph |

A blob has no batch: channels, height and width, or less.  Here every value has a batch in front, so a blob of d
dimensions is a value of d + 1.
"""
