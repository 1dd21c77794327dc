"""Draw docs/terminal.svg, the README's picture: what two commands print, in a terminal window.

python docs/draw_terminal.py            (from the repository's root, on an otherwise idle machine)
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
MODEL = "weights/mobilenet_v2_cifar10.npz"
COMMANDS = (
    f"tinyinfer run {MODEL} weights/sample.jpg --top 3",
    f"tinyinfer profile {MODEL} weights/sample.jpg --by op --threads 1",
)
WIDTH = 92


def output_of(command: str) -> str:
    """What a command prints, run once before so that nothing is compiled while it is watched."""
    arguments = [sys.executable, "-c", "from tinyinfer.cli import main; main()", *command.split()[1:]]
    for _ in range(2):
        done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


def main() -> None:
    """Run the commands and write the picture."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for command in COMMANDS:
        console.print(Text(f"$ {command}", style="bold green"))
        console.print(Text(output_of(command)))
    svg = console.export_svg(title="tinyinfer", clear=False)
    fonts = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # the picture stands alone: no font from elsewhere
    (ROOT / "docs" / "terminal.svg").write_text(fonts.sub("", svg), encoding="utf-8")


if __name__ == "__main__":
    main()
