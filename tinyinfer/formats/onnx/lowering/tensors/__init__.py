"""Lowerings of operators on tensors of any rank: arithmetic, sizes, movement, indexing, reductions."""
