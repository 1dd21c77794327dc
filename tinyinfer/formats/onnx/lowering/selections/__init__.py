"""Operators on values of which only a run shows how many there are (`importing.selections`): the ends of detectors.

An operator is here where it does the same to each place, or can leave those out that are not there; what any other
would make of them is refused.

| file | holds |
| --- | --- |
| ``starts`` | what selections begin with: NonZero, and questions of how many there are |
| ``each_place`` | what does the same to each place |
| ``layers`` | layers that see each place by itself: Gemm, Softmax, RoiAlign, ... |
| ``choices`` | what leaves places out: Gather, TopK, NonMaxSuppression, ... |
| ``spreading`` | values repeated for each place, and results put back: Expand, ScatterElements |
| ``marks`` | what these share |
| ``following`` | `selecting`: a node through the function for it; `output`: what becomes of outputs |
"""
