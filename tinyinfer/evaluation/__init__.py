"""Data sets of labelled pictures, and a model's accuracy on them."""
