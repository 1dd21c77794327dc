"""Build the static site: articles, lessons, and pages that explain, play and design, for any browser, without a server.

python docs/build_site.py build/site    (needs pip install -e '.[site]')

Every page is self-contained but for links between them: nothing is fetched, also when opened from a folder.
"""

from __future__ import annotations

import argparse
import shutil
from html import escape
from pathlib import Path

from website import contents
from website.contents import ARTICLES, REPOSITORY, Entry, lessons, place_of, up
from website.interactive import Progress, pages
from website.lesson import lesson
from website.pictures import inlined
from website.text import rendered

from tinyinfer.files import write_text
from tinyinfer.pages.document import Page, document

NAME = "tinyinfer"
TOP = (
    Entry("index.html", "Start"),
    Entry("lessons/index.html", "Lessons"),
    Entry("benchmarks.html", "Benchmarks"),
    Entry("families.html", "Families"),
    Entry("int8.html", "In 8 bits"),
    Entry("smaller.html", "Smaller"),
    Entry("about.html", "About"),
)
TITLE = "How a convolutional network runs"
ABOUT = """An inference engine in Python that a student can read in a week, measured beside ONNX Runtime and OpenVINO:
its lessons, and pages to play with. Nothing here needs a server."""
PICTURE = '<p><img src="docs/terminal.svg" alt="tinyinfer labels a picture and profiles a network"></p>'
STYLE = Path(contents.__file__).parent / "assets" / "site.css"


def navigation(place: str) -> str:
    """The line on top of every page of text."""
    links = [
        f'<a href="{up(place)}{entry.place}"{" aria-current=page" if entry.place == place else ""}>{entry.title}</a>'
        for entry in TOP
    ]
    return f'<nav class="site" aria-label="Site"><strong>{NAME}</strong>{"".join(links)}</nav>'


def text_page(place: str, title: str, body: str) -> str:
    """A page of text under the navigation."""
    return document(Page(f"{title} · {NAME}", navigation(place) + body, [STYLE.read_text(encoding="utf-8")]))


def article(source: str) -> str:
    """The page of a Markdown file of the repository."""
    path = REPOSITORY / source
    text = path.read_text(encoding="utf-8")
    body = rendered(text, lambda target: place_of(target, source))
    title = next(line[2:] for line in text.splitlines() if line.startswith("# "))
    return text_page(ARTICLES[source], title, f"<main>{inlined(body, path.parent)}</main>")


def start(listed: list[Entry], interactive: list[Entry]) -> str:
    """The first page: what there is, in cards."""
    return text_page(
        "index.html",
        TITLE,
        f"<main><h1>{TITLE}</h1><p>{ABOUT}</p><h2>Pages to play with</h2>{cards(interactive)}"
        f"<h2>Lessons</h2>{cards(listed)}<h2>The engine</h2>{inlined(PICTURE, REPOSITORY)}</main>",
    )


def cards(entries: list[Entry]) -> str:
    """Links with a sentence each."""
    items = (f'<li><a href="{e.place}">{escape(e.title)}</a><p>{escape(e.about)}</p></li>' for e in entries)
    return f'<ul class="cards">{"".join(items)}</ul>'


def build(folder: Path, tell: Progress) -> None:
    """Write all files of the site into a folder, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    made: list[Entry] = []
    for entry, html in pages(tell):
        _write(folder, entry.place, html)
        made.append(entry)
    notebooks = lessons()
    for path, entry in notebooks.items():
        tell(entry.place)
        body = lesson(path, lambda target: place_of(target, "notebooks/x.ipynb"))
        _write(folder, entry.place, text_page(entry.place, entry.title, body))
    for source, place in ARTICLES.items():
        tell(place)
        _write(folder, place, article(source))
    _write(folder, "index.html", start(list(notebooks.values()), made))


def _write(folder: Path, place: str, html: str) -> None:
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    write_text(folder / place, html)


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder to write the site into; what it holds is removed")
    folder: Path = parser.parse_args().folder
    if folder.exists() and any(folder.iterdir()) and not (folder / "index.html").exists():
        parser.error(f"{folder} holds other things than a site")
    build(folder, lambda place: print(f"  {place}", flush=True))
    files = sorted(folder.rglob("*.html"))
    size = sum(file.stat().st_size for file in files)
    print(f"{len(files)} pages, {size / 1e6:.1f} MB; open {folder / 'index.html'}")


if __name__ == "__main__":
    main()
