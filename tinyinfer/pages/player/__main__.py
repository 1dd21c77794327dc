"""Write the page: ``python -m tinyinfer.pages.player player.html``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinyinfer.pages.player.page import player_document


def main() -> None:
    """Read the command line and write the file that it names."""
    parser = argparse.ArgumentParser(prog="python -m tinyinfer.pages.player", description=__doc__)
    parser.add_argument("output", type=Path, help="the HTML file to write")
    output: Path = parser.parse_args().output
    output.write_text(player_document(), encoding="utf-8")
    print(f"wrote {output}: {output.stat().st_size / 1024:.0f} KiB, a page that needs no server")


if __name__ == "__main__":
    main()
