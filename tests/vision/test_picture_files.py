"""What is found in folders of pictures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tinyinfer.vision.picture_files import find_pictures


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def found(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in find_pictures(root).pictures]


def test_endings_and_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.JFIF", "a/z.jpeg", "c.png", ".hidden.png", ".git/d.png", "e.webp")
    assert found(tmp_path) == ["a/z.jpeg", "b.JFIF", "c.png", "e.webp"]


def test_links_to_folders_are_followed_and_end(tmp_path: Path) -> None:
    touch(tmp_path, "far/x.jpg", "set/near/y.jpg")
    links = {"set/far": tmp_path / "far", "set/near/up": tmp_path / "set", "set/again": tmp_path / "far"}
    try:
        for link, target in links.items():
            os.symlink(target, tmp_path / link, target_is_directory=True)
    except OSError:
        pytest.skip("no right to make links")
    os.symlink(tmp_path / "none.jpg", tmp_path / "set" / "broken.jpg")
    pictures = find_pictures(tmp_path / "set").pictures
    assert sorted(path.name for path in pictures) == ["x.jpg", "y.jpg"]


def test_what_is_passed_over_is_said(tmp_path: Path) -> None:
    touch(tmp_path, "a.heic", "b.HEIC", "d/c", "e.png", "notes.txt", "labels.csv")
    assert find_pictures(tmp_path).note() == (
        "passed over 3 files whose names do not end as a picture's (2 .heic, 1 without ending)"
    )


def test_nothing_to_say(tmp_path: Path) -> None:
    touch(tmp_path, "e.png", "notes.txt")
    assert find_pictures(tmp_path).note() is None
