"""How one looks at a network from afar: nodes as layers, layers as blocks, blocks that repeat as rows of them."""
