"""From somebody's checkpoint to a model: which network it is, and what in it the network needs.

| file | holds |
| --- | --- |
| ``conversion`` | ``convert``, the whole way |
| ``parametrizations`` | weights stored as several arrays (weight norm, spectral norm, pruning), put together |
| ``keys`` | what stands before the keys, and what stands beside the weights |
| ``recognise`` | which network has these keys and shapes |
| ``fitting`` | a network made to fit what shapes show: classes, channels of the picture, the head's name |
| ``names`` | what a file's name says: the published file it is, the network it must not be taken for |
"""
