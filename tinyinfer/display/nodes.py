"""A node: its operator with all attributes, what it reads and writes, its weights, and the kernel if one is chosen."""

from __future__ import annotations

from html import escape

from tinyinfer.graph import Node
from tinyinfer.reporting.html import fragment
from tinyinfer.showing import to_html


@to_html.register
def node_html(node: Node) -> str:
    """A table of what is said of it."""
    facts = {
        "operator": repr(node.op),
        "reads": ", ".join(node.inputs) or "nothing",
        "writes": ", ".join(node.outputs),
        "weights": ", ".join(f"{role}: {key}" for role, key in node.params.items()),
        "stands for": ", ".join(node.origin),
        "kernel": f"{node.kernel}: {node.why}" if node.why else node.kernel,
    }
    rows = "".join(f"<tr><th>{escape(what)}</th><td>{escape(text)}</td></tr>" for what, text in facts.items() if text)
    return fragment(f'<table class="grid"><caption>{escape(node.name)}</caption><tbody>{rows}</tbody></table>')
