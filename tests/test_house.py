"""What every file and folder of the package keeps to: imports in one direction, files and folders of a size to read."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import tinyinfer

PACKAGE = Path(tinyinfer.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 400
MOST_FILES = 20
MOST_ARGUMENTS = 10
LONG_SIGNATURES = 1  # functions that may have more positional arguments than that


def place(path: Path) -> str:
    """Where in the package a file or folder is."""
    return path.relative_to(PACKAGE).as_posix()


def room_of(parts: tuple[str, ...]) -> str:
    """The folder of a module, named by the parts below the package; a file beside the folders is a room of its own."""
    path = PACKAGE.joinpath(*parts)
    folder = parts if path.is_dir() else parts[:-1]
    return ".".join(folder or parts) or "tinyinfer"


def imports(tree: ast.AST) -> Iterator[tuple[str, ...]]:
    """Modules of the package that a file imports, at its top or inside functions, but for those of types alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "tinyinfer":
            below = tuple(node.module.split(".")[1:])
            for name in node.names:
                inner = (*below, name.name)
                path = PACKAGE.joinpath(*inner)
                yield inner if path.is_dir() or path.with_suffix(".py").exists() else below
        elif isinstance(node, ast.Import):
            yield from (tuple(n.name.split(".")[1:]) for n in node.names if n.name.split(".")[0] == "tinyinfer")
        yield from imports(node)


def rooms() -> dict[str, set[str]]:
    """The rooms that each room imports from; the package's own __init__ hands out names and is no room."""
    graph: dict[str, set[str]] = {}
    for file in FILES:
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        if parts in (("__init__",), ("__main__",)):
            continue
        here = room_of(parts[:-1] if parts[-1] == "__init__" else parts)
        there = {room_of(target) for target in imports(ast.parse(file.read_text(encoding="utf-8")))}
        graph.setdefault(here, set()).update(there - {here, "tinyinfer"})
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of rooms that reach one another."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for room in graph.get(waiting.pop(), set()) - seen:
                seen.add(room)
                waiting.append(room)
        return seen

    reach = {room: reached(room) for room in graph}
    groups = {tuple(sorted(b for b in reach[a] if a in reach.get(b, set()))) for a in graph if a in reach[a]}
    return [list(group) for group in sorted(groups)]


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_imports_go_one_way() -> None:
    assert circles(rooms()) == []


def test_files_are_short() -> None:
    lines = {place(file): len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert {file: count for file, count in lines.items() if count > MOST_LINES} == {}


def test_folders_are_surveyable() -> None:
    counts = Counter(place(file.parent) for file in FILES)
    assert {folder for folder, count in counts.items() if count > MOST_FILES} == {"models/zoo"}


def test_arguments_have_names() -> None:
    long = []
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = len(node.args.posonlyargs) + len(node.args.args)
                if count > MOST_ARGUMENTS:
                    long.append(f"{place(file)}: {node.name} ({count})")
    assert len(long) <= LONG_SIGNATURES, "\n".join(long)
