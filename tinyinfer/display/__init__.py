"""How models, graphs, nodes, plans, costs and profiles look in Jupyter, and in plain text: see `tinyinfer.showing`."""
