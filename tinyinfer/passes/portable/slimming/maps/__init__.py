"""What operators do to channels: a function for each kind of operator, from a `Step` to the outputs' values."""
