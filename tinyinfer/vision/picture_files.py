"""The pictures in a folder, and what else is in it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tinyinfer.vision.image import is_image_name

# what lies beside pictures and is none, so that nobody misses it
TEXTS = frozenset({".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".md", ".html", ".yaml", ".yml", ".ini", ".db"})


@dataclass
class PictureFiles:
    """``pictures`` sorted by path; other files but texts by how their names end; folders that could not be read."""

    pictures: list[Path] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    closed: list[str] = field(default_factory=list)

    def note(self) -> str | None:
        """One line that says what was passed over and why; None if nothing was."""
        parts = []
        if self.others:
            count = self.others.total()
            kinds = ", ".join(f"{n} {ending or 'without ending'}" for ending, n in self.others.most_common(5))
            more = ", ..." if len(self.others) > 5 else ""
            files = "1 file whose name does" if count == 1 else f"{count} files whose names do"
            parts.append(f"passed over {files} not end as a picture's ({kinds}{more})")
        if self.closed:
            parts.append(f"{len(self.closed)} folders can't be read ({', '.join(self.closed[:3])})")
        return "; ".join(parts) or None


def find_pictures(folder: Path) -> PictureFiles:
    """Every file below ``folder`` whose name ends as a picture's does; hidden files and folders are left out.

    Links to folders are followed, but each folder is entered once, so that a link to one above it ends.
    """
    found = PictureFiles()
    for file in _files(folder, found.closed):
        if is_image_name(file):
            found.pictures.append(file)
        elif file.suffix.lower() not in TEXTS:
            found.others[file.suffix.lower()] += 1
    found.pictures.sort()
    return found


def _files(folder: Path, closed: list[str]) -> Iterator[Path]:
    seen: set[tuple[int, int]] = set()
    walk = os.walk(folder, followlinks=True, onerror=lambda error: closed.append(str(error.filename)))
    for root, folders, files in walk:
        status = os.stat(root)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (
            Path(root, name) for name in files if not name.startswith(".") and os.path.isfile(os.path.join(root, name))
        )
