"""Operators on 8-bit integers that stand for real numbers: integer sums, real scales, integers again."""
