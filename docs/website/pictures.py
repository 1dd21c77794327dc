"""Pictures of pages, put into them."""

from __future__ import annotations

import base64
import re
from pathlib import Path

KINDS = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg"}


def inlined(html: str, folder: Path) -> str:
    """The same HTML with the pictures that it names, by their paths from ``folder``, inside it."""

    def inside(match: re.Match[str]) -> str:
        path = folder / match[1]
        data = base64.b64encode(path.read_bytes()).decode("ascii")
        return f'src="data:{KINDS[path.suffix]};base64,{data}"'

    return re.sub(r'src="(?!data:)([^"]+)"', inside, html)
