"""Convolutions with windows, each way of computing them."""
