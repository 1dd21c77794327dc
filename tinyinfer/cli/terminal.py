"""What the verbs print with: tables to stdout, messages and progress to stderr."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress

PLAIN_WIDTH = 200  # of tables that go to a file or a pipe, where no line should wrap


def complain(message: str) -> None:
    """One line on stderr."""
    with contextlib.suppress(OSError, ValueError):  # a closed stderr is no reason to fail
        print(f"tinyinfer: {message}", file=sys.stderr, flush=True)


def show(renderable: Any) -> None:
    """A rich table or text on stdout."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)
    with console.capture() as text:  # written by us, because rich has an exit of its own for closed pipes
        console.print(renderable)
    print(text.get(), end="")


def show_json(value: Any) -> None:
    """A value as JSON on stdout."""
    print(json.dumps(value, indent=1, ensure_ascii=not (sys.stdout.encoding or "").lower().startswith("utf")))


@contextlib.contextmanager
def progress_bar(description: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on stderr while it is a terminal; yields the function that is told how much is done."""
    with _progress() as bar:
        task = bar.add_task(description, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextlib.contextmanager
def compile_notice() -> Iterator[None]:
    """Says on stderr which kernels are being compiled: only the first run on a machine has to wait for that."""
    from numba.core import event

    class Listener(event.Listener):  # type: ignore[misc]
        """Prints one line that is rewritten in a terminal, and a single line elsewhere."""

        def __init__(self) -> None:
            self.count = self.depth = 0

        def on_start(self, event: Any) -> None:
            self.depth += 1
            if self.depth > 1:  # a helper that is compiled into the kernel
                return
            self.count += 1
            name = event.data["dispatcher"].py_func.__name__
            if sys.stderr.isatty():
                sys.stderr.write(f"\r\033[Kcompiling kernels, this first time only: {name} ({self.count})")
                sys.stderr.flush()
            elif self.count == 1:
                complain("compiling kernels, this first time only")

        def on_end(self, event: Any) -> None:
            self.depth -= 1

    listener = Listener()
    event.register("numba:compile", listener)
    try:
        yield
    finally:
        event.unregister("numba:compile", listener)
        if listener.count and sys.stderr.isatty():
            sys.stderr.write("\r\033[K")


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
