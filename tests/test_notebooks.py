"""The committed lessons: executed, small, and free of traces of the machine they ran on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
LARGEST = 1_500_000  # bytes
SOLUTION = re.compile(r"<details>.*?```python\n(.*?)```\n</details>", re.DOTALL)


@pytest.fixture(params=NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def path(request: pytest.FixtureRequest) -> Path:
    return request.param  # type: ignore[no-any-return]


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def test_is_committed_executed_from_top_to_bottom(path: Path) -> None:
    counts = [cell["execution_count"] for cell in cells(path, "code")]
    assert counts == [*range(1, len(counts) + 1)]


def test_is_small(path: Path) -> None:
    assert path.stat().st_size < LARGEST


def test_outputs_hold_neither_paths_nor_warnings(path: Path) -> None:
    for cell in cells(path, "code"):
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr", output
            text = json.dumps({k: v for k, v in output.get("data", output).items() if k != "image/png"})
            assert not re.search(r"(/home/|/root/|/tmp/|/usr/|[A-Z]:\\\\Users|Warning)", text)


def test_has_three_solutions_and_runs_them(path: Path) -> None:
    text = "\n".join("".join(cell["source"]) for cell in cells(path, "markdown"))
    solutions = SOLUTION.findall(text)
    assert len(solutions) == 3
    assert all("assert " in solution for solution in solutions)
    last = cells(path, "code")[-1]
    assert path.name in "".join(last["source"])
    assert "solution" in last["metadata"]["tags"]
