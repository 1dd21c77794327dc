"""Downloads: over https, with progress and retries, whole and checked or not at all."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tinyinfer.errors import DownloadError

Progress = Callable[[int, int | None], None]
"""Is told the bytes that have come and the bytes expected."""

ATTEMPTS = 4
PAUSE = 0.5  # seconds before the second attempt, twice as long before each further one
TIMEOUT = 30  # seconds without a byte
MOST = 4 << 30  # bytes that any file here may have


class _Meter:
    """What pooch takes for a progress bar."""

    def __init__(self, tell: Progress | None) -> None:
        self.total, self._done, self._tell = 0, 0, tell

    def update(self, count: int) -> None:
        """So many bytes more, or fewer in the last chunk."""
        self._done += count
        if self._done > MOST + count:
            raise DownloadError(f"more than {MOST >> 30} GiB came, which no file here has")
        if self._tell:
            self._tell(min(self._done, self.total or self._done), self.total or None)

    def reset(self) -> None:
        """Count from the beginning."""
        self._done = 0

    def close(self) -> None:
        """Nothing is left to do."""


def download(url: str, target: Path, checksum: str | None = None, progress: Progress | None = None) -> None:
    """Write what stands at ``url`` to ``target`` if its ``checksum`` ("sha256:...", or its first digits) is right.

    A connection that fails or breaks off is tried again, with pauses.  Raises DownloadError saying what was asked
    of whom and what came instead; ``target`` is then gone.
    """
    try:
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE * 2 ** (attempt - 1))
            problem = _attempt(url, target, progress)
            if problem is None:
                check(target, checksum, url)
                return
        raise DownloadError(f"{url}: {problem} ({ATTEMPTS} attempts)")
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _attempt(url: str, target: Path, progress: Progress | None) -> str | None:
    """Download once: None, or what went wrong if another attempt may help; raises DownloadError if none will."""
    import pooch
    import requests

    hooks = {"response": stay_safe}
    fetch = pooch.HTTPDownloader(progressbar=_Meter(progress), timeout=TIMEOUT, chunk_size=1 << 16, hooks=hooks)
    host = urlsplit(url).netloc
    try:
        fetch(url, str(target), None)
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        problem = f"{host} answered {status}" + (f" {error.response.reason}" if error.response is not None else "")
        if status < 500 and status not in (408, 429):
            raise DownloadError(f"{url}: {problem}") from None
        return problem
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema):
        raise DownloadError(f"{url}: not an address that can be asked") from None
    except requests.exceptions.ChunkedEncodingError:
        return f"the connection to {host} broke off in the middle"
    except requests.exceptions.SSLError as error:
        raise DownloadError(f"{url}: no safe connection to {host} ({_reason(error)})") from None
    except requests.RequestException as error:
        return f"can't reach {host} ({_reason(error)}); are you offline?"
    return None


def stay_safe(response: Any, **_: Any) -> None:
    """Raise DownloadError for an answer over https that sends us on to a connection anyone could tamper with."""
    onward = response.headers.get("location", "")
    if response.url.startswith("https:") and onward.startswith("http:"):
        raise DownloadError(f"{response.url}: redirected to {onward}, which is not https")


def _reason(error: BaseException) -> str:
    """The innermost of the errors that libraries wrap in one another, shortly."""
    while error.args and isinstance(getattr(error.args[0], "reason", error.args[0]), BaseException):
        error = getattr(error.args[0], "reason", error.args[0])
    text = str(error.args[-1] if error.args else error)
    return text.rsplit(": ", 1)[-1][:120] or type(error).__name__


def check(file: Path, checksum: str | None, source: str) -> None:
    """Raise DownloadError unless the file's checksum is, or begins with, the stated one."""
    if checksum is None:
        return
    kind, expected = checksum.split(":")
    with open(file, "rb") as stream:
        found = hashlib.file_digest(stream, kind).hexdigest()
        stream.seek(0)
        start = stream.read(256).lstrip().lower()
    if found.startswith(expected):
        return
    page = "a web page" if start.startswith((b"<!doctype", b"<html")) else f"{file.stat().st_size} bytes"
    raise DownloadError(
        f"{source}: expected a file whose {kind} begins with {expected[:16]}, found {page} with {found[:16]}"
    )
