"""The hub: public checkpoints and data by name, downloaded once and kept as files of our own."""

from tinyinfer.hub.pulling import local_file, pull, pulled_file
from tinyinfer.published.registry import Entry, entries, find

__all__ = ["Entry", "entries", "find", "local_file", "pull", "pulled_file"]
