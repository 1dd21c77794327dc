"""Puts the page of a profile together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyinfer.drawing.cards import cards_of
from tinyinfer.pages.document import Page, asset, document
from tinyinfer.pages.graph.view import graph_scripts, graph_styles, graph_view
from tinyinfer.pages.profile.pairs import pairs
from tinyinfer.pages.profile.photo import Photo
from tinyinfer.pages.profile.run import run_of
from tinyinfer.profiling.timings import Profile
from tinyinfer.showing import to_page

SCRIPTS = (
    "link", "chart", "facts", "works", "bars", "noise", "steps", "roofline", "timeline", "memory", "network", "pair",
    "profile",
)  # fmt: skip
BODY = '<main id="profile"></main>'


@to_page.register
def profile_page(profile: Profile) -> str:
    """The page of one profile."""
    return page([profile.to_dict()], [profile])


def page(runs: Sequence[Any], profiles: Sequence[Profile | None], photo: Photo | None = None) -> str:
    """One run, or two side by side, each as `Profile.to_dict` or `read_run` has it.

    ``profiles`` has those that were measured just now, whose graphs can be drawn.  Raises InputError.
    """
    shown = [run if "works" in run else run_of(run) for run in runs]
    data: dict[str, Any] = {"runs": shown}
    for at, profile in enumerate(profiles):
        if profile is not None and profile.graph is not None:
            macs = {row.name: row.macs for row in profile.rows}
            macs = {node.name: macs.get(node.name, 0) for node in profile.graph.nodes}
            data[f"graph{at}"] = graph_view(cards_of(profile.graph, profile.types, macs))
    data["graphs"] = [f"graph{at}" in data for at in range(len(shown))]
    if len(shown) == 2:
        data["pairs"] = pairs(shown[0]["steps"], shown[1]["steps"])
    if photo is not None:
        data["photo"] = {"source": photo.source, "found": photo.found}
    title = f"Profile of {' and '.join(dict.fromkeys(run['name'] for run in shown))}"
    scripts = [*graph_scripts(), *(asset(__package__, f"{name}.js") for name in SCRIPTS)]
    return document(Page(title, BODY, [*graph_styles(), asset(__package__, "profile.css")], scripts, data=data))
