"""Assembles the verbs and turns errors into one line and an exit code."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

import typer

from tinyinfer.cli.terminal import complain
from tinyinfer.errors import TinyInferError

YOUNG = 500_000  # objects that may come before Python looks for garbage: imports make many, all of which stay

BUG, USAGE, FILE, INTERRUPTED, CLOSED_PIPE = 1, 2, 4, 130, 141

# typer's own class for a wrong command line; recent versions no longer come with click, which used to define it
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

# files of this folder and their verbs, so that a command brings in its own alone
FILES = {
    "run": ("run",),
    "inspect": ("summary", "models", "draw"),
    "explain": ("explain",),
    "profile": ("profile",),
    "measure": ("bench", "compare"),
    "convert": ("convert", "export"),
    "quantize": ("quantize", "optimize"),
    "evaluate": ("eval", "warmup"),
    "pull": ("pull",),
}


def _print_version(wanted: bool) -> None:
    if wanted:
        from tinyinfer import __version__

        typer.echo(f"tinyinfer {__version__}")
        raise typer.Exit


def _options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Show the version."),
) -> None:
    """Inference of convolutional networks on a CPU: labels, timings and mult-adds of every operator."""


def _app(arguments: Sequence[str]) -> typer.Typer:
    """The verbs of the one file that these arguments need, or all, to list them or to tell a mistake."""
    app = typer.Typer(
        name="tinyinfer",
        help="Inference of convolutional networks on a CPU: labels, timings and mult-adds of every operator.",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    verb = next((argument for argument in arguments if not argument.startswith("-")), None)
    own = [file for file, verbs in FILES.items() if verb in verbs]
    for file in own or FILES:
        importlib.import_module(f"tinyinfer.cli.{file}").register(app)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit the process."""
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])  # looking for it takes a share of every start
    atexit.register(gc.freeze)  # Python would look for garbage in all that there is, before it ends
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):  # a label or a file name it can't encode is no reason to fail
        sys.stdout.reconfigure(errors="backslashreplace")
    debug = "--debug" in arguments
    if debug:  # taken anywhere, also behind the verb
        arguments = ["--debug", *(a for a in arguments if a != "--debug")]
    else:
        warnings.showwarning = lambda message, *_, **__: complain(f"warning: {message}")
    sys.exit(_run(arguments, debug))


def _run(arguments: list[str], debug: bool) -> int:
    if not arguments:
        return _run(["--help"], debug) or USAGE
    try:
        # not the app's own main, which has exits of its own for interrupts and pipes
        command = typer.main.get_command(_app(arguments))
        with command.make_context("tinyinfer", arguments) as context:
            result = command.invoke(context)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except TinyInferError as error:
        _show(str(error), debug)
        return error.exit_code
    except UsageError as error:
        complain(_usage(error))
        return USAGE
    except typer.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _leave_stdout()
        return CLOSED_PIPE
    except OSError as error:
        _leave_stdout()
        _show(f"{error.filename or 'output'}: {error.strerror or error}", debug)
        return FILE
    except MemoryError:
        _show("not enough memory", debug)
        return FILE
    except Exception as error:
        _show(f"a mistake in tinyinfer ({type(error).__name__}: {error}); --debug shows where", debug)
        return BUG


def _leave_stdout() -> None:
    """See that nothing more is flushed to a stdout that can't be written to."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):  # not a file while it is captured
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: Any) -> str:
    command = error.ctx.command_path if error.ctx else "tinyinfer"
    return f"{error.format_message()} ({command} --help says more)"


def _show(message: str, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    complain(" ".join(message.split()))
