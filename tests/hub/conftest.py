"""The fixtures of hub_server, for the tests of this folder."""

from hub_server import checkpoint, hub, server, weights

__all__ = ["checkpoint", "hub", "server", "weights"]
