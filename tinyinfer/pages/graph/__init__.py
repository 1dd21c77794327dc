"""The graph of a network inside a page: blocks that fold, zoom, search, all of it by pointer and by keyboard."""
