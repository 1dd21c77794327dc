"""The committed lessons: executed on one machine that they name, small, in words as in pictures, with room to try."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import draw_smaller
import finetune_smaller
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
LARGEST = 1_500_000  # bytes
# what a reader who knows NumPy can't know, by the lesson that explains it; later lessons build on it
TERMS = {
    "01": (
        "weights", "channel", "layer", "operator", "feature map", "convolution", "window", "norm", "activation",
        "residual", "mult-add", "kernel", "padding", "textbook", "logit", "softmax", "param", "memory access", "median",
        "bound", "cache", "overhead", "GMACs?/s", "AVX-512", "L1", "top-?1", "ImageNet", "batch", "pointwise",
        "depthwise", "folded", "gemm", "linear bottleneck",
    ),
    "02": (
        "GEMM", "tap", "stride", "group", "im2col", "NHWC", "col2im", "scratch", "plan", "depthwise", "gradient",
        "dilation", "FMA peak", "matrix units", "registers",
    ),
    "10": ("branches", "identity", "norm", "bias", "relu", "fold", "gradient", "rate", "top-1", "fused"),
    "13": (
        "singular value decomposition", "agreement", "top-1", "network slimming", "L1 penalty", "registers", "epoch",
        "decibel", "float16", "scale", "zero point", "per tensor", "calibration", "bias correction", "loss", "teacher",
        "temperature", "cross-entropy", "margin ReLU", "partial L2", "bottleneck", "SQNR",
    ),
}  # fmt: skip
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


def outputs(path: Path) -> list[dict[str, Any]]:
    return [output for cell in cells(path, "code") for output in cell["outputs"]]


def machine(path: Path) -> str:
    """The line that a lesson's first cell ends in."""
    first = cells(path, "code")[0]
    assert "ti.machine()" in "".join(first["source"])
    return "".join(first["outputs"][-1]["data"]["text/plain"])


def test_names_its_machine_at_the_top(path: Path) -> None:
    assert re.fullmatch(r".+, \d+ cores?, .+; measured with 1 thread: .+ GMAC/s.*; .*memory .+ GB/s", machine(path))


def test_all_ran_on_one_machine() -> None:
    assert len({machine(path).partition("; measured")[0] for path in NOTEBOOKS}) == 1


def test_every_picture_is_put_into_words(path: Path) -> None:
    pictures = [output for output in outputs(path) if "image/png" in output.get("data", {})]
    assert pictures
    for picture in pictures:
        alt = picture["metadata"]["image/png"]["alt"]
        assert len(alt) > 40
        assert alt == "".join(picture["data"]["text/plain"])
        assert not re.search(r"\b(nan|None)\b", alt)


def test_prints_no_long_source(path: Path) -> None:
    assert not re.search(r"getsource|unittest|kernels=.linear=gemm", "".join(map(code, cells(path, "code"))))
    printed = ["".join(output["text"]) for output in outputs(path) if output.get("name") == "stdout"]
    assert not any(re.search(r"^\s*def \w+\(", text, re.MULTILINE) for text in printed)


def test_asks_for_predictions(path: Path) -> None:
    assert "> **Predict first.** " in "\n".join(map(code, cells(path, "markdown")))


def test_every_exercise_has_a_cell_to_start_in_and_a_folded_solution(path: Path) -> None:
    every = json.loads(path.read_text(encoding="utf-8"))["cells"]
    starters = [i for i, cell in enumerate(every) if "exercise" in cell["metadata"].get("tags", [])]
    assert len(starters) == 3
    for number, i in enumerate(starters, start=1):
        question, starter, solution = every[i - 1 : i + 2]
        assert f"**{number}.** " in code(question)
        assert "your turn" in code(starter)
        assert code(solution).startswith("<details><summary>Solution</summary>")


def said(path: Path) -> list[str]:
    """The lines that a reader sees, top to bottom: prose, what cells print, and pictures in words.

    The line of the machine is left out: the first lesson explains it right below.
    """
    lines = []
    for at, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] == "markdown":
            lines += re.sub(r"```.*?```", "", code(cell), flags=re.DOTALL).splitlines()
        elif at > 1:
            lines += [line for output in cell["outputs"] for line in seen(output).splitlines()]
    return lines


def seen(output: dict[str, Any]) -> str:
    """What an output says: Markdown, the words for a picture, or plain text."""
    data = output.get("data", {})
    return "".join(data.get("text/markdown") or data.get("text/plain") or output.get("text", ""))


@pytest.mark.parametrize(("lesson", "term"), [(lesson, term) for lesson in TERMS for term in TERMS[lesson]])
def test_terms_are_explained_where_they_are_used_first(lesson: str, term: str) -> None:
    (path,) = (path for path in NOTEBOOKS if path.stem.startswith(lesson))
    line = next(line for line in said(path) if re.search(rf"(?i)(?<![\w.]){term}", line))
    # where it is explained a term is set apart, named in brackets, or what a section is about
    assert re.search(rf"(?i)\*{term}|\({term}|^#+ .*\b{term}", line), line


def test_the_microkernel_comes_within_a_tenth_of_the_peak() -> None:
    """The lesson's own bound is loose, as any machine may be busy; the committed run is of an idle one."""
    (path,) = (path for path in NOTEBOOKS if path.stem.startswith("15"))
    (cell,) = (cell for cell in cells(path, "code") if '"... operands in L2"' in code(cell))
    shown = "".join(map(seen, cell["outputs"]))
    shares = dict(re.findall(r"(?m)^(the package|\.\.\. operands in L2) .* ([\d.]+)% of the FMA peak$", shown))
    assert len(shares) == 2
    assert all(float(share) >= 90 for share in shares.values()), shares


def test_lesson_13_reads_what_the_page_of_smaller_networks_shows() -> None:
    page = draw_smaller.PAGE.read_text(encoding="utf-8")
    assert f"<!-- trained: begin -->\n{finetune_smaller.section()}<!-- trained: end -->" in page


def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((\.\.?/[^)#]+)", "\n".join(map(code, cells(path, "markdown")))):
        assert (path.parent / target).exists(), target


def code(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_has_three_solutions_and_runs_them(path: Path) -> None:
    text = "\n".join("".join(cell["source"]) for cell in cells(path, "markdown"))
    solutions = SOLUTION.findall(text)
    assert len(solutions) == 3
    assert all("assert " in solution for solution in solutions)
    last = cells(path, "code")[-1]
    assert f'run("{path.name}", globals())' in code(last)
    assert "3 solutions run" in "".join(last["outputs"][0]["text"])
    assert "solution" in last["metadata"]["tags"]
