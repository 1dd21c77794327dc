"""A server on this machine that serves checkpoints, also badly, and a hub whose registry points at it."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from checkpoints import zip_checkpoint

import tinyinfer as ti

PAGE = b"<!DOCTYPE html><html><body>Please sign in to this network.</body></html>"

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as the served path says."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        server.asked[self.path] += 1
        server.answers.get(self.path, refuse(404))(self)

    def log_message(self, *_: object) -> None:
        pass

    def begin(self, status: int, length: int, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: Counter[str] = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


def whole(body: bytes) -> Answer:
    def answer(to: Handler) -> None:
        to.begin(200, len(body))
        to.wfile.write(body)

    return answer


def cut(body: bytes, times: int = 99) -> Answer:
    """The first ``times`` answers break off in the middle."""
    left = [times]

    def answer(to: Handler) -> None:
        to.begin(200, len(body))
        left[0] -= 1
        to.wfile.write(body[: len(body) // 2] if left[0] >= 0 else body)
        to.close_connection = True

    return answer


def slow(body: bytes) -> Answer:
    """Half of it, and then nothing for a long time."""

    def answer(to: Handler) -> None:
        to.begin(200, len(body))
        to.wfile.write(body[: len(body) // 2])
        to.wfile.flush()
        time.sleep(3600)

    return answer


def refuse(status: int, times: int = 99, body: bytes = b"") -> Answer:
    left = [times]

    def answer(to: Handler) -> None:
        left[0] -= 1
        if left[0] >= 0:
            to.begin(status, len(PAGE))
            to.wfile.write(PAGE)
        else:
            whole(body)(to)

    return answer


def redirect(path: str) -> Answer:
    return lambda to: to.begin(302, 0, Location=path)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@dataclass
class Hub:
    """A cache folder and a registry of what ``server`` serves."""

    server: Server
    folder: Path
    registry: Path
    rows: list[str] = field(default_factory=list)

    def add(self, name: str, file: str, answer: Answer | None = None, **facts: object) -> None:
        """A name to pull, and what its address answers (None: nothing is there)."""
        if answer is not None:
            self.server.answers[f"/{file}"] = answer
        lines = [f"[{name}]", 'by = "here"', f'file = "{file}"', *(f"{key} = {value}" for key, value in facts.items())]
        self.rows.append("\n".join(lines))
        head = f'[publishers.here]\nhome = "{self.server.url}"\nlicence = "MIT"\nfiles = "{self.server.url}/"\n'
        self.registry.write_text("\n".join([head, *self.rows]))
        from tinyinfer.published import registry

        registry._read.cache_clear()

    def kept(self) -> list[str]:
        """Names of all files in the hub's folder, hidden ones too."""
        return sorted(str(file.relative_to(self.folder)) for file in self.folder.rglob("*") if file.is_file())


@pytest.fixture
def hub(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    found = Hub(server, tmp_path / "cache", tmp_path / "registry.toml")
    monkeypatch.setenv("TINYINFER_CACHE_DIR", str(found.folder))
    monkeypatch.setenv("TINYINFER_HUB", str(found.registry))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("tinyinfer.hub.download.PAUSE", 0.01)
    return found


@pytest.fixture(scope="session")
def weights() -> dict[str, np.ndarray]:
    return dict(ti.models.create("resnet20", seed=3).graph.weights)


@pytest.fixture(scope="session")
def checkpoint(weights: dict[str, np.ndarray]) -> bytes:
    """A checkpoint of ResNet-20."""
    return zip_checkpoint(weights)


def quoted_sha256(body: bytes, digits: int = 64) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:digits]}"'
