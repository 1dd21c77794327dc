"""The command line: one verb a file group, one line on stderr and an exit code for what goes wrong.

Exit codes: 0 ok, 1 a comparison failed, 2 usage, 3 model, 4 image or input, 5 unsupported, 130 interrupted,
141 closed pipe.
"""

from tinyinfer.cli.app import main

__all__ = ["main"]
