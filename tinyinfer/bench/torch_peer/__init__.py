"""PyTorch as a peer: our graph, node by node, with the functions of torch.nn.functional."""
