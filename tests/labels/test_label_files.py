"""Files of class names in the forms that people have them."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer.errors import InputError
from tinyinfer.labels import label_sets
from tinyinfer.labels.label_files import read, resolve

NAMES = ["airplane", "hot dog", "tench, Tinca tinca", "shepherd's pie"]

FORMS: dict[str, str] = {
    "plain": "{name}\n",
    "blank lines between": "{name}\n\n",
    "carriage returns": "{name}\r\n",
    "old Macintosh": "{name}\r",
    "spaces": "  {name}\t \n",
    "quotes": '"{name}"\n',
    "quotes and commas": '"{name}",\n',
    "number and space": "{i} {name}\n",
    "number and colon": "{i}: {name}\n",
    "number, colon, no space": "{i}:{name}\n",
    "number and comma": "{i},{name}\n",
    "number and tab": "{i}\t{name}\n",
    "padded number": "{i:03d} {name}\n",
    "number and period": "{i}. {name}\n",
    "number from 1": "{j} {name}\n",
    "quoted columns": '"{i}","{name}"\n',
    "number behind": "{name},{i}\n",
    "number behind a tab": "{name}\t{i}\n",
    "synset": "n0000000{i} {name}\n",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_forms(form: str, mark: bytes, tmp_path: Path) -> None:
    text = "".join(form.format(name=name, i=i, j=i + 1) for i, name in enumerate(NAMES))
    for ending in ("", "\n", "\r\n\r\n", "  \n"):
        (tmp_path / "labels.txt").write_bytes(mark + (text + ending).encode())
        assert read(tmp_path / "labels.txt") == NAMES


def test_numbers_say_the_order(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("id,label\n2,cat\n0,ant\n1,bee\n")
    assert read(tmp_path / "labels.csv") == ["ant", "bee", "cat"]


def test_numbers_that_are_parts_of_names(tmp_path: Path) -> None:
    coins = ["1 cent", "2 cent", "5 cent", "10 cent"]
    (tmp_path / "coins.txt").write_text("\n".join(coins))
    assert read(tmp_path / "coins.txt") == coins


@pytest.mark.parametrize(
    "write",
    [
        json.dumps,
        lambda names: json.dumps({str(i): name for i, name in enumerate(names)}),
        lambda names: json.dumps({str(i): [f"n{i:08d}", name] for i, name in enumerate(names)}, indent=1),
        lambda names: "{" + ",\n ".join(f"{i}: {name!r}" for i, name in enumerate(names)) + "}",
    ],
)
def test_json_and_what_python_prints(write: Callable[[list[str]], str], tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(write(NAMES))
    assert read(tmp_path / "labels.json") == NAMES


def test_utf16(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("Öl\nñandú\n", encoding="utf-16")
    assert read(tmp_path / "labels.txt") == ["Öl", "ñandú"]


words = st.text(st.characters(categories=["L", "M"]), min_size=1, max_size=9)


@given(names=st.lists(st.lists(words, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=20))
def test_plain_names_come_back(names: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("labels") / "labels.txt"
    path.write_text("\n".join(names) + "\n", encoding="utf-8", newline="")
    assert read(path) == [name.strip() for name in names]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found none"),
        (b"\n \r\n", "found none"),
        (b"caf\xe9\n", "expected UTF-8 text .* at byte 3"),
        (b"ant\nb\x07ee\n", "label 1: expected printable text"),
        (b'{"0": "ant", "2": "bee"}', "by their number from 0, found 0, 2"),
        (b"[1, 2]", "expected a list of names"),
    ],
)
def test_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read(tmp_path / "labels.txt")


def test_names_of_lists() -> None:
    assert resolve("imagenet1001", 1001) == list(label_sets.get("imagenet1001"))
    assert resolve("imagenet", 1001) == list(label_sets.get("imagenet1001"))
    assert resolve("imagenet", 1000) == list(label_sets.get("imagenet"))
    with pytest.raises(InputError, match="expected 10 labels, one a class, found 21"):
        resolve("voc", 10)
    with pytest.raises(InputError, match=r"no-such-file: no such file, nor a list of labels: .* imagenet1001"):
        resolve("no-such-file", 10)
