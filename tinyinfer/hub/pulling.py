"""``pull``: a public checkpoint by name, converted and kept where names are looked up."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tinyinfer.errors import DownloadError, TinyInferError
from tinyinfer.files import user_cache
from tinyinfer.hub import cifar
from tinyinfer.hub.download import Progress, check, download
from tinyinfer.published.registry import DATA, FILE, Entry, find


def pulled_file(name: str) -> Path | None:
    """The file of what has been pulled under this name, or under another name of the same network; else None."""
    if not name or Path(name).name != name:
        return None
    try:
        file = _target(find(name))
    except TinyInferError:  # no such name, or no folder: so nothing has been pulled
        return None
    return file if file.is_file() else None


def local_file(source: str | os.PathLike[str]) -> Path | None:
    """The file or folder that is meant: one that exists, or what has been pulled under this name; else None."""
    path = Path(source)
    if path.exists():
        return path
    return pulled_file(source) if isinstance(source, str) else None


def pull(
    name: str,
    *,
    again: bool = False,
    file: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Download a checkpoint or data set, convert it, and return where it is kept; one that is there is not fetched.

    The folder is "hub" in the user's cache folder, or in ``TINYINFER_CACHE_DIR``.  ``again`` replaces what is there;
    ``file`` is taken instead of a download, once its checksum is right.  Afterwards ``tinyinfer.load(name)`` has the
    public weights, with labels, preprocessing, source, licence and published accuracy in its metadata.  Raises
    UnsupportedOpError for an unknown name, DownloadError, and what `tinyinfer.convert` raises.
    """
    entry = find(name)
    target = _target(entry)
    if target.is_file() and not again:
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".pull-", dir=target.parent) as folder:
            source = Path(file) if file is not None else Path(folder) / entry.file_name
            for part, url, checksum in _parts(entry, source):
                if file is None:
                    _download(entry, url, checksum, part, progress)
                else:
                    check(part, checksum, str(part))
            _store(entry, source, target)
    except OSError as error:
        where = error.filename if file is not None and error.filename == os.fspath(file) else target.parent
        raise DownloadError(f"{where}: {error.strerror or error} (TINYINFER_CACHE_DIR names another folder)") from None
    return target


def _target(entry: Entry) -> Path:
    try:
        return user_cache() / "hub" / f"{entry.name}.npz"
    except RuntimeError as error:  # there is no home folder
        raise DownloadError(f"there is no folder to keep {entry.name} in ({error}); set TINYINFER_CACHE_DIR") from None


def _parts(entry: Entry, source: Path) -> list[tuple[Path, str, str | None]]:
    """Where each of the files is to stand, its address and its checksum; weights beside it have its name."""
    parts = [(source, entry.url, entry.checksum)]
    if entry.beside is not None:
        parts.append((source.with_suffix(Path(entry.weights_name or "").suffix), *entry.beside))
    return parts


def _download(entry: Entry, url: str, checksum: str | None, target: Path, progress: Progress | None) -> None:
    try:
        download(url, target, checksum, progress)
    except DownloadError as error:
        hint = f"a copy from elsewhere can be given: tinyinfer pull {entry.name} --file {target.name}"
        raise DownloadError(f"{entry.name}: {error}; {hint}") from None


def _store(entry: Entry, source: Path, target: Path) -> None:
    """Convert what has come into the file that is kept; it appears whole or not at all."""
    if entry.kind == DATA:
        cifar.pack(source, target)
        return
    from tinyinfer.checkpoints.conversion import convert

    model = convert(source) if entry.kind == FILE else convert(source, arch=entry.arch, **entry.knobs)
    entry.describe(model.meta)
    model.save(target)
