"""Layers as two or three thinner ones: how a weight is factorised, which ranks pay, what is written into the graph."""
