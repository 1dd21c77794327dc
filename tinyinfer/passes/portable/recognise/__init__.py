"""Operators that files have in pieces, put together again: what exporters break up, networks of our own have as one.

| file | holds |
| --- | --- |
| ``pattern`` | what is looked for, as expressions: ``x * apply("sigmoid", x)`` |
| ``matching`` | where in a graph it stands |
| ``rewriting`` | rules: a pattern, and the operator that takes its place |
| ``editing`` | a graph while nodes are replaced one by one |

All others are steps of `pipeline.recognise`, one kind of operator each.
"""
