"""An SVG drawing as one picture: to screen readers it is its title, not the words that stand all over it."""

from __future__ import annotations

from html import escape


def picture(title: str, width: float, height: float, body: str, font: str) -> str:
    """An <svg> of this size in pixels; ``title`` says in a line what it shows, ``font`` are attributes of its texts."""
    words = escape(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{words}" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" {font}>'
        f"<title>{words}</title>{body}</svg>"
    )
