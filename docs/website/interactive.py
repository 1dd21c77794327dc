"""The pages that run: each a file that the package makes, of the networks that come with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import tinyinfer as ti
from tinyinfer.pages.explain import explain
from tinyinfer.pages.player.page import player_document
from tinyinfer.pages.sandbox.page import sandbox_document
from website.contents import REPOSITORY, Entry

Progress = Callable[[str], None]

WEIGHTS = REPOSITORY / "weights"
PLAYER = Entry("player.html", "Convolution as memory", "Window, im2col, panels, register tile, line buffer.")
SANDBOX = Entry("sandbox.html", "Design a network", "Turn a network's knobs; see its cost and its time.")


def pages(tell: Progress) -> Iterator[tuple[Entry, str]]:
    """Each page's place in the site, and its HTML."""
    for path in sorted(WEIGHTS.glob("*.npz")):
        about = "A network that runs in the page: every number followed back to the photo."
        entry = Entry(f"explain_{path.stem}.html", f"Inside {path.stem}", about)
        tell(entry.place)
        yield entry, explain(ti.load(path), WEIGHTS / "sample.jpg")
    tell(PLAYER.place)
    yield PLAYER, player_document()
    tell(SANDBOX.place)
    yield SANDBOX, sandbox_document()
