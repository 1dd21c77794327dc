"""Files that appear whole or not at all, whatever stands at their path."""

from __future__ import annotations

import os
import stat
import sys
import threading
from pathlib import Path

import pytest
from cli_process import start
from python_process import printed

from tinyinfer.files import atomic_write, write_text

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and devices of Unix")


def only(folder: Path, *names: str) -> None:
    assert {path.name for path in folder.iterdir()} == set(names)  # no temporary file is left


def fail_amid(path: Path) -> None:
    with atomic_write(path) as file:
        file.write(b"new")
        raise ValueError("amid")


def test_a_failure_leaves_what_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    write_text(path, "old")
    with pytest.raises(ValueError, match="amid"):
        fail_amid(path)
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"
    only(tmp_path, "out.txt")


def test_an_error_names_the_path_that_was_given(tmp_path: Path) -> None:
    path = tmp_path / "no folder" / "out.txt"
    with pytest.raises(FileNotFoundError) as caught:
        write_text(path, "")
    assert caught.value.filename == os.fspath(path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_text(tmp_path / "folder", "")
    only(tmp_path, "folder")


def test_a_name_as_long_as_the_system_allows(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 120 + ".txt")  # 244 bytes
    write_text(path, "text")
    assert path.read_text() == "text"


def test_bytes_reach_the_disk_before_the_name_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    did: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(descriptor: int) -> None:
        did.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def note_replace(part: Path, target: Path) -> None:
        did.append("replace")
        replace(part, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    write_text(tmp_path / "out.txt", "text")
    assert did == (["file", "replace"] if sys.platform == "win32" else ["file", "replace", "folder"])


@needs_links
def test_a_link_stays_one_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link, chain = tmp_path / "elsewhere" / "target.txt", tmp_path / "link", tmp_path / "chain"
    link.symlink_to("elsewhere/target.txt")
    chain.symlink_to(link)
    for path, text in ((link, "made through a link to nothing"), (chain, "replaced")):
        write_text(path, text)
        assert target.read_text() == text
    assert link.is_symlink()
    assert chain.is_symlink()
    only(tmp_path / "elsewhere", "target.txt")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(OSError, match="loop"):
        write_text(loop, "")
    assert loop.is_symlink()


@needs_links
def test_a_pipe_is_written_through(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    with atomic_write(pipe) as file:
        file.write(b"??? and")
        file.seek(0)  # as writers of archives do
        file.write(b"one")
    reader.join()
    assert got == [b"one and"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    only(tmp_path, "pipe")


@needs_links
def test_a_failure_writes_nothing_to_a_device_and_leaves_it(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    for path in (link, Path("/dev/null")):
        before = os.stat(path)
        write_text(path, "text")
        with pytest.raises(ValueError, match="amid"):
            fail_amid(path)
        assert os.path.samestat(before, os.stat(path))
        assert stat.S_ISCHR(os.stat(path).st_mode)
    only(tmp_path, "null")


@needs_links
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_the_command_line_writes_to_its_own_stdout(tmp_path: Path, name: str) -> None:
    process = start("draw", "squeezenet1_1", "-o", name)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert out.startswith(b"<svg")
    kept = tmp_path / "kept.svg"
    with open(kept, "wb") as file:
        file.write(b"before\n")
        file.flush()
        assert start("draw", "squeezenet1_1", "-o", name, stdout=file).wait() == 0
    assert kept.read_bytes() == b"before\n" + out
    only(tmp_path, "kept.svg")


@needs_links
def test_what_was_printed_before_comes_before() -> None:
    code = "from tinyinfer.files import write_text; print('first'); write_text('/dev/stdout', 'then\\n'); print('last')"
    assert printed(code) == "first\nthen\nlast\n"
