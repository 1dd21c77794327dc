"""What a person sees in a terminal: tables that fit, progress that leaves nothing behind."""

from __future__ import annotations

import io
import os
import re
import sys

import pytest
from cli_process import start
from python_process import LONG
from rich.console import Console

from tinyinfer.cli import terminal
from tinyinfer.models import build
from tinyinfer.models.catalog import catalog, catalog_table
from tinyinfer.profiling.cost import cost
from tinyinfer.reporting.tables import Column, Table


def lines_of(table, width):
    console = Console(width=width, color_system=None)
    with console.capture() as text:
        console.print(table)
    return text.get().splitlines()


@pytest.mark.parametrize("verb", ["models", "summary"])
def test_no_number_is_cut(verb):
    rows = [*catalog("resnet"), *catalog("mobilenet_v2")]
    table = catalog_table(rows) if verb == "models" else cost(build("mobilenet_v2")).table()
    numbers = [column.cells for column in table.columns if column.right]
    for width in (80, 100, 160):
        lines = lines_of(table, width)
        assert max(map(len, lines)) <= width
        below = lines[next(i for i, line in enumerate(lines) if line.startswith("───")) + 1 :]
        for line, cells in zip(below, zip(*numbers, strict=True), strict=False):
            assert set(cells) <= set(line.split())


def test_names_keep_their_ends_and_sentences_their_beginnings():
    assert Column("", []).fit("features.12.conv.0.0", 12) == "…12.conv.0.0"
    assert Column("", [], prose=True).fit("Deep Residual Learning", 14) == "Deep Residual…"
    assert Column("", []).fit("short", 12) == "short"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_table_in_a_terminal_of_80_columns():
    import pty

    leader, follower = pty.openpty()
    process = start("models", "mobilenet_v2", stdout=follower, env={"COLUMNS": "80", "TERM": "xterm"})
    os.close(follower)
    found = b""
    while True:
        try:
            found += os.read(leader, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not found.endswith(b"\n") and process.poll() is not None:
            break
    assert process.wait(LONG) == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", found.decode())
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "mobilenet_v2" in text


def test_nothing_but_messages_off_a_terminal(capsys):
    with terminal.progress_bar("images", 10) as bar:
        bar.advance(3)
        for kernel in ("winograd (1)", None, "depthwise (2)", None):
            bar.compiling(kernel)
        bar.advance(10)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "tinyinfer: compiling kernels, this first time only\n"


def test_compile_notice_counts_kernels_not_their_helpers():
    numba = pytest.importorskip("numba")

    @numba.njit
    def helper(x):
        return x + 1

    @numba.njit
    def kernel(x):
        return helper(x) * 2

    told = []
    with terminal.compile_notice(told.append):
        assert kernel(1.0) == 4
        assert kernel(2.0) == 6
    assert told == ["kernel (1)", None]


def test_the_notice_on_a_terminal_is_gone_before_anything_is_printed(capsys):
    terminal._rewrite_line("winograd (1)")
    terminal._rewrite_line(None)
    assert capsys.readouterr().err.endswith("\r\x1b[K")


@pytest.mark.parametrize(("term", "expected"), [("xterm-256color", True), ("dumb", False), ("unknown", False)])
def test_a_terminal_without_escape_sequences_gets_none(monkeypatch, term, expected):
    class Screen(io.StringIO):
        def isatty(self):
            return True

    screen = Screen()
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "stdout", screen)
    assert terminal.can_rewrite(screen) == expected
    with terminal.progress_bar("images", 3) as bar:
        bar.advance(2)
        bar.compiling("kernel (1)")
        bar.compiling(None)
    with terminal.compile_notice():
        pass
    terminal.show(Table("title", [Column("name", ["a"]), Column("n", ["1"])], ["a note"]))
    assert ("\033" in screen.getvalue()) == expected
