"""A network as a drawing, whatever it is drawn with: cards and edges, blocks that fold, where all of it lies."""
