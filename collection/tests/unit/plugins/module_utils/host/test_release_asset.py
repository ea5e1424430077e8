"""Releases fetched from a mirror on this machine that serves small stand-ins, right and wrong ones."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.host.cache_entry import CacheEntry, Platform
from ansible_collections.availability.lab.plugins.module_utils.host.download import DownloadError, fetch
from ansible_collections.availability.lab.plugins.module_utils.host.release_asset import AssetError, ReleaseAsset

KUBECTL = b"#!/bin/sh\necho stand-in\n"
GOOD = hashlib.sha256(KUBECTL).hexdigest()
WRONG = "0" * 64


class Mirror:
    """Serves ``files`` (path -> content). ``cut``: announces more than it sends. ``busy``: answers 503 n times."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.busy: dict[str, int] = {}
        self.asked: list[str] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.asked.append(self.path)
                if mirror.busy.get(self.path, 0) > 0:
                    mirror.busy[self.path] -= 1
                    self.send_error(503)
                elif self.path not in mirror.files:
                    self.send_error(404)
                else:
                    content = mirror.files[self.path]
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(content) + (10 if self.path in mirror.cut else 0)))
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, *_unused: Any) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    served = Mirror()
    yield served
    served.close()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _s: None)


@pytest.fixture
def entry(tmp_path: Path) -> CacheEntry:
    return CacheEntry(tmp_path / "cache", "kubernetes", "v1.2.3", Platform("linux", "amd64"))


def kubectl_of(mirror: Mirror, **changes: Any) -> ReleaseAsset:
    described: dict[str, Any] = {
        "url": mirror.url + "/{version}/{os}/{arch}/kubectl",
        "binary": "kubectl",
        "sha256": {"amd64": GOOD},
        "address_variable": "toolchain_mirror_kubernetes",
        **changes,
    }
    return ReleaseAsset(**described)


def obtain(entry: CacheEntry, asset: ReleaseAsset) -> Any:
    def make(folder: Path) -> dict[str, Any]:
        return {"files": asset.binaries, "made": {"assets": [asset.bring(entry, folder, 5)]}}

    return entry.obtain({"assets": [asset.recipe(entry)]}, make)


def left_in_cache(entry: CacheEntry) -> list[str]:
    return sorted(path.name for path in entry.folder.iterdir() if not path.name.endswith(".lock"))


def test_a_binary_is_fetched_once_and_executable(mirror: Mirror, entry: CacheEntry) -> None:
    mirror.files["/v1.2.3/linux/amd64/kubectl"] = KUBECTL
    first = obtain(entry, kubectl_of(mirror))
    assert first.changed
    assert (entry.path / "kubectl").read_bytes() == KUBECTL
    assert (entry.path / "kubectl").stat().st_mode & 0o777 == 0o755
    assert first.manifest["made"]["assets"] == [
        {"url": f"{mirror.url}/v1.2.3/linux/amd64/kubectl", "sha256": GOOD, "size_bytes": len(KUBECTL)}
    ]
    assert not obtain(entry, kubectl_of(mirror)).changed
    assert mirror.asked == ["/v1.2.3/linux/amd64/kubectl"]


def test_another_mirror_with_the_same_file_is_the_same_entry(mirror: Mirror, entry: CacheEntry) -> None:
    mirror.files["/v1.2.3/linux/amd64/kubectl"] = KUBECTL
    obtain(entry, kubectl_of(mirror))
    elsewhere = kubectl_of(mirror, url="http://127.0.0.1:1/other/kubectl")
    assert not obtain(entry, elsewhere).changed


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"something else", r"its SHA-256 is [0-9a-f]{64}, expected " + GOOD),
        (None, "the server answers 404"),
    ],
)
def test_wrong_and_missing_files_leave_nothing(
    mirror: Mirror, entry: CacheEntry, content: bytes | None, message: str
) -> None:
    if content is not None:
        mirror.files["/v1.2.3/linux/amd64/kubectl"] = content
    with pytest.raises(AssetError, match=message + r".*\(the address is set by toolchain_mirror_kubernetes\)"):
        obtain(entry, kubectl_of(mirror))
    assert left_in_cache(entry) == []
    assert len(mirror.asked) == 1


def test_a_wrong_file_does_not_replace_a_good_entry(mirror: Mirror, entry: CacheEntry) -> None:
    mirror.files["/v1.2.3/linux/amd64/kubectl"] = KUBECTL
    obtain(entry, kubectl_of(mirror))
    with pytest.raises(AssetError, match=f"expected {WRONG}"):
        obtain(entry, kubectl_of(mirror, sha256={"amd64": WRONG}))
    assert (entry.path / "kubectl").read_bytes() == KUBECTL
    assert left_in_cache(entry) == ["v1.2.3-linux-amd64"]


def test_an_answer_cut_short_is_tried_again_then_given_up(mirror: Mirror, entry: CacheEntry) -> None:
    mirror.files["/v1.2.3/linux/amd64/kubectl"] = KUBECTL
    mirror.cut.add("/v1.2.3/linux/amd64/kubectl")
    with pytest.raises(AssetError, match=r"(was cut|the connection failed).*\(3 tries\)"):
        obtain(entry, kubectl_of(mirror))
    assert len(mirror.asked) == 3
    assert left_in_cache(entry) == []


def test_a_busy_server_is_asked_again(mirror: Mirror, entry: CacheEntry) -> None:
    mirror.files["/v1.2.3/linux/amd64/kubectl"] = KUBECTL
    mirror.busy["/v1.2.3/linux/amd64/kubectl"] = 2
    assert obtain(entry, kubectl_of(mirror)).changed
    assert len(mirror.asked) == 3


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    closed = Mirror()
    closed.close()
    with pytest.raises(DownloadError, match=r"the connection failed: .*refused.* \(3 tries\)"):
        fetch(f"{closed.url}/kubectl", tmp_path / "kubectl", GOOD, 2)
    assert not (tmp_path / "kubectl").exists()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "kubectl"])
def test_only_http(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError, match="expected an address that begins with http"):
        fetch(url, tmp_path / "kubectl", GOOD, 2)


def tarball(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in members.items():
            described = tarfile.TarInfo(name)
            described.size = len(content)
            archive.addfile(described, io.BytesIO(content))
    return packed.getvalue()


def etcd_of(mirror: Mirror, packed: bytes) -> ReleaseAsset:
    mirror.files["/etcd.tar.gz"] = packed
    return ReleaseAsset(
        mirror.url + "/etcd.tar.gz",
        members={"etcd": "etcd-{version}-{os}-{arch}/etcd", "etcdctl": "etcd-{version}-{os}-{arch}/etcdctl"},
        sha256={"amd64": hashlib.sha256(packed).hexdigest()},
    )


def test_members_of_an_archive(mirror: Mirror, entry: CacheEntry) -> None:
    folder = "etcd-v1.2.3-linux-amd64"
    packed = tarball({f"{folder}/etcd": b"server", f"{folder}/etcdctl": b"client", "../../evil": b"no"})
    obtain(entry, etcd_of(mirror, packed))
    assert left_in_cache(entry) == ["v1.2.3-linux-amd64"]
    assert sorted(path.name for path in entry.path.iterdir()) == ["etcd", "etcdctl", "manifest.json"]
    assert (entry.path / "etcd").read_bytes() == b"server"
    assert (entry.path / "etcdctl").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (tarball({"etcd-v1.2.3-linux-amd64/etcd": b"server"}), r"the archive holds no file .*/etcdctl"),
        (tarball({"etcd-v1.2.3-linux-amd64/etcd": b"server"})[:40], "the archive cannot be read"),
        (b"no archive", "the archive cannot be read"),
    ],
    ids=[
        "another member",
        "cut",
        "no archive",
    ],  # an archive's bytes hold the time: workers would not agree on the name
)
def test_archives_that_are_not_as_expected(mirror: Mirror, entry: CacheEntry, packed: bytes, message: str) -> None:
    with pytest.raises(AssetError, match=message):
        obtain(entry, etcd_of(mirror, packed))
    assert left_in_cache(entry) == []


def test_assets_that_say_too_little_are_refused(mirror: Mirror) -> None:
    with pytest.raises(AssetError, match="expected either binary or members"):
        kubectl_of(mirror, binary="").check("amd64")
    with pytest.raises(AssetError, match="expected either binary or members"):
        kubectl_of(mirror, members={"a": "b"}).check("amd64")
    with pytest.raises(AssetError, match=r"expected sha256\.arm64; unverified"):
        kubectl_of(mirror).check("arm64")
    kubectl_of(mirror).check("amd64")
