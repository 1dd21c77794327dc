"""Everything that shows something: to import this is to register it."""

from tinyinfer.display import costs, graphs, models, nodes, plans, profiles

__all__ = ["costs", "graphs", "models", "nodes", "plans", "profiles"]
