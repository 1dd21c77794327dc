"""The .npz model file: the graph as JSON, the weights as arrays, every byte checked."""
