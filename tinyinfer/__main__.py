"""``python -m tinyinfer`` is the command line too."""

from __future__ import annotations

from tinyinfer.cli import main

if __name__ == "__main__":
    main()
