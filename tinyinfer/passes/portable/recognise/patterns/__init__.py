"""What is looked for in a graph, where it is, and what takes its place.

| file | holds |
| --- | --- |
| ``pattern`` | operators and how they are joined, as expressions: ``x * apply("sigmoid", x)`` |
| ``matching`` | where in a graph such a pattern stands |
| ``rules`` | a pattern, and the operator that takes its place |
| ``rearrangement`` | what reshapes and permutes do together: ``n (g c) h w -> n (c g) h w`` |
| ``chains`` | nodes one after the other, replaced together |
| ``editing`` | a graph while nodes are replaced one by one |
"""
