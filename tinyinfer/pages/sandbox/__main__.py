"""Write the page, or measure the table that it predicts times from.

``python -m tinyinfer.pages.sandbox sandbox.html``, with ``--table mine.json`` for the times of another machine;
``python -m tinyinfer.pages.sandbox --measure mine.json`` measures them on this one, in some minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tinyinfer.errors import InputError
from tinyinfer.pages.sandbox.measured import read_measured, write_measured
from tinyinfer.pages.sandbox.page import sandbox_document


def main() -> int:
    """Read the command line and write the file that it names."""
    parser = argparse.ArgumentParser(
        prog="python -m tinyinfer.pages.sandbox", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("output", type=Path, help="the file to write")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--table", type=Path, help="a table that --measure wrote")
    what.add_argument("--measure", action="store_true", help="measure layers on this machine, and write a table")
    given = parser.parse_args()
    output: Path = given.output
    if given.measure:
        write_measured(output, lambda line: print(line, flush=True))
        return 0
    try:
        output.write_text(sandbox_document(read_measured(given.table) if given.table else None), encoding="utf-8")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"wrote {output}: {output.stat().st_size / 1024:.0f} KiB, a page that needs no server")
    return 0


if __name__ == "__main__":
    sys.exit(main())
