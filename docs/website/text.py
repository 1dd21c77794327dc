"""Markdown as HTML: tables, formulas as MathML, code in colours, and links that stay inside the site."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_by_name
from pygments.util import ClassNotFound

Follow = Callable[[str], str | None]  # a link's target in the repository -> in the site, or None where it has none

FORMATTER = HtmlFormatter(nowrap=True)


def coloured(code: str, language: str = "python") -> str:
    """A block of code."""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        lexer = TextLexer()
    return f'<pre class="code" tabindex="0"><code>{highlight(code, lexer, FORMATTER)}</code></pre>\n'


def formula(text: str, options: dict[str, bool]) -> str:
    """TeX as MathML, which browsers draw themselves."""
    return str(convert(text, display="block" if options["display_mode"] else "inline"))


def rendered(markdown: str, follow: Follow) -> str:
    """A document's or a cell's Markdown; raw HTML in it, such as folded solutions, stays as it is."""
    made = MarkdownIt("commonmark", {"html": True, "highlight": _fence}).enable("table")
    made.use(dollarmath_plugin, renderer=formula, double_inline=True)
    made.add_render_rule("link_open", _link_rule(follow))
    made.add_render_rule("heading_open", _heading)
    around = r'<div class="scroll" tabindex="0"><table>\1</table></div>'
    return re.sub(r"<table>(.*?)</table>", around, made.render(markdown), flags=re.S)


def slug(title: str) -> str:
    """The anchor of a heading, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


def _fence(code: str, language: str, _: str) -> str:
    return coloured(code, language or "text")


def _heading(self: RendererHTML, tokens: Sequence[Token], at: int, _: OptionsDict, __: EnvType) -> str:
    return f'<{tokens[at].tag} id="{escape(slug(tokens[at + 1].content))}">'


def _link_rule(follow: Follow) -> Callable[..., str]:
    def opened(self: RendererHTML, tokens: Sequence[Token], at: int, _: OptionsDict, __: EnvType) -> str:
        target = str(tokens[at].attrGet("href") or "")
        if not target.startswith(("https://", "#")):
            found = follow(target)
            if found is None:  # a file of the repository that the site does not show
                return f'<a title="in the repository: {escape(target)}">'
            target = found
        return f'<a href="{escape(target)}">'

    return opened
