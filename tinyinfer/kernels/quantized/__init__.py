"""Layers on 8-bit codes: products of bytes, summed in 32 bits, and the way from there to codes again."""
