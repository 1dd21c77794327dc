"""Runs the folded solutions of a lesson, so that they stay true; its last cell calls this."""

import contextlib
import io
import json
import pathlib
import re

SOLUTION = re.compile(r"<details>.*?```python\n(.*?)```", re.DOTALL)


def run(lesson, names):
    """Run the solutions of a lesson, a file beside this one, with the names that its cells have made."""
    file = pathlib.Path(__file__).with_name(lesson)
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    solutions = SOLUTION.findall(text)
    for solution in solutions:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(solution, names)
    print(f"{len(solutions)} solutions run")
