"""Convolutions, products with weights, and shifts, which move what a convolution would."""
