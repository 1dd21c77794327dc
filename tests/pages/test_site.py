"""The static site: links lead to pages that are there, formulas are drawn, nothing comes from outside."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tinyinfer.pages.document import Page, document

build_site = pytest.importorskip("build_site")
contents = pytest.importorskip("website.contents")
lesson = pytest.importorskip("website.lesson").lesson
rendered = pytest.importorskip("website.text").rendered


def nowhere(target: str) -> str | None:
    return None


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    entry = contents.Entry("play.html", "To play with")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_site, "pages", lambda tell: iter([(entry, document(Page("Play", "")))]))
        build_site.build(folder, lambda place: None)
    return folder


def test_every_link_leads_somewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) == 2 + len(contents.ARTICLES) + len(contents.lessons())
    for page in pages:
        for target in re.findall(r'<a href="([^"]*)"', page.read_text(encoding="utf-8")):
            path, _, anchor = target.partition("#")
            if path.startswith("https:"):
                continue
            linked = (page.parent / path).resolve() if path else page
            assert linked in pages, f"{page.name}: {target}"
            assert not anchor or f'id="{anchor}"' in linked.read_text(encoding="utf-8"), f"{page.name}: {target}"


@pytest.mark.parametrize("place", ["index.html", "benchmarks.html", "lessons/03_winograd.html"])
def test_pages_open_without_a_request(site: Path, open_page, place: str) -> None:
    for width in (1200, 390):
        page = open_page(site / place, width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")


def test_figures_keep_their_letters_on_a_phone(site: Path, open_page) -> None:
    page = open_page(site / "lessons/03_winograd.html", 390)
    shown = page.evaluate(
        "[...document.querySelectorAll('.figure img')].map((image) => image.width / Math.min(image.naturalWidth, 640))"
    )
    assert shown
    assert min(shown) > 0.99


def test_formulas_become_mathml() -> None:
    html = rendered("The sum $a_1 + b$ and\n\n$$\\frac{1}{K^2}$$\n\ncosts 3 dollars.", nowhere)
    assert html.count("<math") == 2
    assert "<mfrac>" in html
    assert "$" not in html


def test_links_into_the_repository_become_text() -> None:
    text = "[a kernel](../tinyinfer/kernels/x.py) [a page](int8.md#tables)"
    html = rendered(text, lambda target: contents.place_of(target, "docs/smaller.md"))
    assert '<a title="in the repository: ../tinyinfer/kernels/x.py">a kernel</a>' in html
    assert '<a href="int8.html#tables">a page</a>' in html


@pytest.mark.parametrize(
    ("target", "source", "place"),
    [
        ("../docs/int8.md", "notebooks/x.ipynb", "../int8.html"),
        ("03_winograd.ipynb", "notebooks/README.md", "../lessons/03_winograd.html"),
        ("../pyproject.toml", "docs/int8.md", None),
    ],
)
def test_places_are_seen_from_the_page_that_links(target: str, source: str, place: str | None) -> None:
    assert contents.place_of(target, source) == place


def notebook(path: Path, *outputs: dict[str, object], tags: Sequence[str] = ()) -> Path:
    """A notebook of one cell."""
    cell = {"cell_type": "code", "source": ["print('<b>')"], "outputs": outputs, "metadata": {"tags": [*tags]}}
    path.write_text(json.dumps({"cells": [cell]}))
    return path


def test_a_lessons_output_is_text_unless_it_is_html(tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "one.ipynb",
        {"output_type": "stream", "name": "stdout", "text": ["<b>\n"]},
        {"output_type": "display_data", "metadata": {"image/png": {"alt": '"dot"'}}, "data": {"image/png": "AAAA"}},
        {"output_type": "execute_result", "metadata": {}, "data": {"text/html": ["<i>x</i>"], "text/plain": ["x"]}},
    )
    html = lesson(path, nowhere)
    assert '<pre class="output" tabindex="0">&lt;b&gt;</pre>' in html
    assert '<img src="data:image/png;base64,AAAA" alt="&quot;dot&quot;">' in html
    assert "<i>x</i>" in html


def test_the_cell_that_checks_the_solutions_is_left_out(tmp_path: Path) -> None:
    said = {"output_type": "stream", "name": "stdout", "text": ["3 solutions run\n"]}
    assert "solutions run" in lesson(notebook(tmp_path / "one.ipynb", said, tags=["exercise"]), nowhere)
    checked = lesson(notebook(tmp_path / "two.ipynb", said, tags=["hide-input", "solution"]), nowhere)
    assert checked == '<main class="lesson"></main>'


def test_no_lesson_shows_how_its_solutions_are_checked(site: Path) -> None:
    for path in sorted((site / "lessons").glob("[0-9]*.html")):
        text = re.sub("<[^>]*>", "", path.read_text(encoding="utf-8"))
        assert "Solution" in text, path.name
        assert "solutions.run" not in text, path.name
        assert "solutions run" not in text, path.name


def test_a_lesson_that_failed_is_no_page(tmp_path: Path) -> None:
    fault = {"output_type": "error", "ename": "ZeroDivisionError", "evalue": "division by zero", "traceback": []}
    with pytest.raises(ValueError, match="ZeroDivisionError"):
        lesson(notebook(tmp_path / "one.ipynb", fault), nowhere)


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    monkeypatch.setattr("sys.argv", ["build_site.py", str(tmp_path)])
    with pytest.raises(SystemExit):
        build_site.main()
    assert (tmp_path / "mine.txt").read_text() == "kept"
