"""A notebook as a page: its text, its code, and what the code printed and drew when it was last run."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from website.text import Follow, coloured, rendered

PICTURES = ("image/png", "image/jpeg")
CHECKS = "solution"  # tag of a cell that runs the solutions above it and adds nothing to read


def lesson(path: Path, follow: Follow) -> str:
    """The body of the page."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return f'<main class="lesson">{"".join(_cell(cell, follow) for cell in cells)}</main>'


def title(path: Path) -> str:
    """The lesson's first heading."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    lines = (line for cell in cells if cell["cell_type"] == "markdown" for line in cell["source"])
    return str(next(line for line in lines if line.startswith("# ")))[2:].strip()


def _cell(cell: dict[str, Any], follow: Follow) -> str:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return rendered(source, follow)
    if not source.strip() or CHECKS in cell.get("metadata", {}).get("tags", ()):
        return ""
    return coloured(source.rstrip()) + "".join(_output(output) for output in cell.get("outputs", ()))


def _output(output: dict[str, Any]) -> str:
    if output["output_type"] == "stream":
        return _plain("".join(output["text"]))
    if output["output_type"] == "error":
        raise ValueError(f"a lesson that failed: {output['ename']}: {output['evalue']}")
    data, about = output["data"], output.get("metadata", {})
    for kind in PICTURES:
        if kind in data:
            words = about.get(kind, {}).get("alt", "")
            picture = "".join(data[kind]).replace("\n", "")
            image = f'<img src="data:{kind};base64,{picture}" alt="{escape(words)}">'
            return f'<div class="figure" tabindex="0">{image}</div>\n'
    for kind in ("text/html", "image/svg+xml"):
        if kind in data:
            return f'<div class="output scroll" tabindex="0">{"".join(data[kind])}</div>\n'
    if "text/markdown" in data:
        return rendered("".join(data["text/markdown"]), lambda _: None)
    return _plain("".join(data.get("text/plain", "")))


def _plain(text: str) -> str:
    return f'<pre class="output" tabindex="0">{escape(text.rstrip())}</pre>\n' if text.strip() else ""
