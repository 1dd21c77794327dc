"""The verb "pull": public checkpoints and data by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinyinfer.cli.options import Json, usage
from tinyinfer.cli.terminal import complain, progress_bar, show, show_json

if TYPE_CHECKING:
    from tinyinfer.hub import Entry
    from tinyinfer.reporting.tables import Table


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("pull", epilog="Example: tinyinfer pull mobilenet_v2 && tinyinfer run mobilenet_v2 photo.jpg")(pull)


def pull(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="What to get; a list of all if left out.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Replace what was pulled before.")] = False,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A copy of the public file, instead of a download.")
    ] = None,
    json: Json = False,
) -> None:
    """Download public weights or data by name.  From then on the name stands for them."""
    from tinyinfer.hub import entries, find, pulled_file
    from tinyinfer.hub import pull as pull_entry

    if name is None:
        if again or file is not None:
            raise usage("--again and --file need a NAME")
        rows = [_row(entry, pulled_file(entry.name)) for entry in entries().values()]
        if json:
            show_json(rows)
        else:
            show(_table(rows))
        return
    entry = find(name)
    with progress_bar(entry.name, None, "bytes") as bar:
        path = pull_entry(name, again=again, file=file, progress=bar.advance)
    if json:
        show_json(_row(entry, path))
    else:
        accuracy = "".join(f"; {measure} {value:g} % published" for measure, value in entry.accuracy.items())
        complain(f"{entry.name} is in {path} (from {entry.home}, licence {entry.licence}{accuracy})")


def _row(entry: Entry, path: Path | None) -> dict[str, Any]:
    return {
        "name": entry.name,
        "arch": entry.arch,
        "format": entry.format,
        "accuracy": dict(entry.accuracy),
        "licence": entry.licence,
        "home": entry.home,
        "url": entry.url,
        "checksum": entry.checksum,
        "file": str(path) if path else None,
    }


def _table(rows: list[dict[str, Any]]) -> Table:
    from tinyinfer.reporting.tables import Column, Table

    accuracies = [
        ", ".join(f"{measure} {value:g} %" for measure, value in row["accuracy"].items()) or "-" for row in rows
    ]
    pulled = sum(bool(row["file"]) for row in rows)
    return Table(
        "What can be pulled",
        [
            Column("name", [row["name"] for row in rows], f"{len(rows)} names", right=False),
            Column("published", accuracies, right=False),
            Column("format", [row["format"] for row in rows], right=False),
            Column("pulled", ["yes" if row["file"] else "" for row in rows], str(pulled), right=False),
            Column("licence", [row["licence"] for row in rows], right=False),
            Column("from", [row["home"].removeprefix("https://") for row in rows], right=False, prose=True),
        ],
    )
