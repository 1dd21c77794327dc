"""Which channels there are, and what operators do to them: a function a kind, from a `Step` to its outputs."""
