"""Files of class names, as data sets and other tools write them: one a line, numbered or quoted, or JSON.

Which class a name belongs to is its place in the file, unless every line bears a number.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinyinfer.errors import InputError
from tinyinfer.labels import label_sets

MAX_BYTES = 16 << 20

# "0 airplane", "0: airplane", "0,airplane", '"0","airplane"', and behind the name "airplane,0"; WordNet's
# "n02691156 airliner"
_NUMBER_FIRST = re.compile(r"""["']?(\d+)["']?\s*[\s:,;.)=|-]\s*(\S.*)""")
_NUMBER_LAST = re.compile(r"""(.*\S)\s*[\t:,;=|]\s*["']?(\d+)["']?""")
_SYNSET = re.compile(r"n\d{8}[\s:,]+(\S.*)")


def resolve(name: str, classes: int | None) -> list[str]:
    """The class names in a file, or a list's own name ("imagenet"), for a network with so many ``classes``.

    None where that is not known.  Of ImageNet's two lists the one that fits is taken.  Raises InputError when there is
    neither such a file nor such a list, and when it has another number of names.
    """
    path = Path(name)
    if path.exists():
        found = read(path)
    else:
        try:
            found = list(label_sets.fitting(name, classes) or label_sets.get(name))
        except InputError as error:
            raise InputError(f"{name}: no such file, nor a list of labels: {error}") from None
    if classes is not None and len(found) != classes:
        raise InputError(f"{name}: expected {classes} labels, one a class, found {len(found)}")
    return found


def read(path: Path) -> list[str]:
    """The class names in a file, in the order of their classes.  Raises InputError saying what is wrong, and where."""
    text = _read_text(path)
    if text.lstrip()[:1] in ("[", "{"):
        try:
            return _checked(path, _from_json(path, json.loads(text)))
        except (ValueError, RecursionError):
            text = text.strip().strip("{}[]")  # a list as Python prints it
    # not str.splitlines, which breaks lines at characters that may stand in a name
    lines = [line.strip() for line in re.split(r"\r\n|\r|\n", text)]
    found = [line for line in lines if line]
    if not found:
        raise InputError(f"{path}: expected class names, one a line, found none")
    return _checked(path, [_unquoted(name) for name in _without_numbers(found)])


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: expected a text of at most {MAX_BYTES} bytes, found {path.stat().st_size}")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from None
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected UTF-8 text ({error.reason} at byte {error.start})") from None


def _from_json(path: Path, document: Any) -> list[str]:
    """A list of names, or names by number; of several names for one class the last, as Keras writes its index."""
    if isinstance(document, dict):
        if sorted(document) != sorted(map(str, range(len(document)))):
            raise InputError(f"{path}: expected names by their number from 0, found {', '.join(list(document)[:5])}")
        document = [document[str(number)] for number in range(len(document))]
    names = [entry[-1] if isinstance(entry, list) and entry else entry for entry in document]
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: expected a list of names, found {json.dumps(names)[:60]}")
    return names


def _without_numbers(lines: list[str]) -> list[str]:
    """The names in the order of the numbers beside them, where each has one; a heading above them is left out."""
    for pattern, number, name in ((_NUMBER_FIRST, 1, 2), (_NUMBER_LAST, 2, 1)):
        for rows in (lines, lines[1:]):
            matches = [pattern.fullmatch(line) for line in rows]
            numbered = {int(match[number]): match[name] for match in matches if match}
            if rows and len(numbered) == len(rows) and _counts_up(numbered):
                return _without_synsets([numbered[key] for key in sorted(numbered)])
    return _without_synsets(lines)


def _counts_up(numbered: dict[int, str]) -> bool:
    """Whether the numbers are 0, 1, 2 ... or 1, 2, 3 ...; others may be part of names ("2 euro")."""
    first = min(numbered)
    return first in (0, 1) and max(numbered) == first + len(numbered) - 1


def _without_synsets(lines: list[str]) -> list[str]:
    matches = [_SYNSET.fullmatch(line) for line in lines]
    return [match[1] for match in matches if match] if all(matches) else lines


def _unquoted(name: str) -> str:
    name = name.rstrip(",").strip()
    if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'":
        return name[1:-1].replace(name[0] * 2, name[0]).strip()
    return name


def _checked(path: Path, names: Sequence[str]) -> list[str]:
    for place, name in enumerate(names):
        if not name.isprintable() or not name:
            raise InputError(f"{path}: label {place}: expected printable text, found {name!r}")
    return list(names)
