"""What the site holds, and where each part comes from in the repository."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from website import lesson

REPOSITORY = Path(__file__).resolve().parents[2]
ARTICLES = {  # file in the repository: its place in the site
    "README.md": "about.html",
    "docs/benchmarks.md": "benchmarks.html",
    "docs/families.md": "families.html",
    "docs/int8.md": "int8.html",
    "docs/smaller.md": "smaller.html",
    "weights/README.md": "weights.html",
    "notebooks/README.md": "lessons/index.html",
}


class Entry(NamedTuple):
    """A file of the site: where it lies, its name in lists, and a sentence about it."""

    place: str
    title: str
    about: str = ""


def lessons() -> dict[Path, Entry]:
    """The notebooks, in order, each with the question that their list says it is about."""
    folder = REPOSITORY / "notebooks"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    questions = dict(re.findall(r"\(([\w.]+)\)\*\*: (.+)", listed))
    return {
        path: Entry(f"lessons/{path.stem}.html", lesson.title(path), questions.get(path.name, ""))
        for path in sorted(folder.glob("*.ipynb"))
    }


def place_of(target: str, source: str) -> str | None:
    """Where a link of a file of the repository leads in the site, seen from that file's page; None for what it has not.

    ``target`` is relative to the ``source``, as links of Markdown are.
    """
    path, _, fragment = target.partition("#")
    parts: list[str] = []
    for part in (PurePosixPath(source).parent / path).parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
    found = "/".join(parts)
    if found.startswith("notebooks/") and found.endswith(".ipynb"):
        place: str | None = f"lessons/{parts[-1].removesuffix('.ipynb')}.html"
    else:
        place = ARTICLES.get(found)
    here = ARTICLES.get(source, "lessons/" if source.startswith("notebooks/") else "")
    return None if place is None else up(here) + place + (f"#{fragment}" if fragment else "")


def up(place: str) -> str:
    """The way from a page to the site's folder."""
    return "../" * place.count("/")
