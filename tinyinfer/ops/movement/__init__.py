"""Elements looked at, picked, joined and moved, and never changed."""
