# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A registry with TLS, on the network of the lab's nodes: they trust it, and so does the engine of this host."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Where the engine of this host, and that of the nodes, look for the authority of one registry.
TRUSTED = Path("/etc/docker/certs.d")
TRUSTED_BY_NODES = "/etc/containerd/certs.d"


@dataclass(frozen=True)
class Registry:
    """Its `host:port`, and the file that every request stands in."""

    address: str
    log: Path


@contextmanager
def registry(place: Path, nodes: list[str]) -> Iterator[Registry]:
    """Serve Debian's docker-registry from `place`, until the block ends; `nodes` are containers with containerd."""
    subprocess.run(["apt-get", "download", "docker-registry"], cwd=place, check=True, capture_output=True)
    subprocess.run(["dpkg-deb", "--extract", *map(str, place.glob("*.deb")), str(place)], check=True)
    host = _gateway()
    with socket.create_server((host, 0)) as server:
        address = f"{host}:{server.getsockname()[1]}"
    _certificate(place, host)
    configuration = place / "config.yml"
    http = {"addr": address, "tls": {"certificate": f"{place}/ca.crt", "key": f"{place}/ca.key"}}
    storage = {"filesystem": {"rootdirectory": str(place / "images")}}
    configuration.write_text(json.dumps({"version": "0.1", "storage": storage, "http": http}))  # JSON is YAML, too
    (TRUSTED / address).mkdir(parents=True)
    shutil.copy(place / "ca.crt", TRUSTED / address)
    for node in nodes:
        trusted = f"{TRUSTED_BY_NODES}/{address}"
        subprocess.run(["docker", "exec", node, "mkdir", "-p", trusted], check=True)
        subprocess.run(["docker", "cp", "-q", f"{place}/ca.crt", f"{node}:{trusted}/ca.crt"], check=True)
    log = place / "registry.log"
    with log.open("wb") as output:
        command = [str(place / "usr/bin/docker-registry"), "serve", str(configuration)]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env={"PATH": os.environ["PATH"]})
    try:
        _wait(address, log)
        yield Registry(address, log)
    finally:
        process.terminate()
        process.wait(timeout=20)
        shutil.rmtree(TRUSTED / address)


def _gateway() -> str:
    """This host's address on the network of the nodes."""
    inspect = ["docker", "network", "inspect", "availability-lab", "--format", "{{(index .IPAM.Config 0).Gateway}}"]
    return subprocess.run(inspect, check=True, capture_output=True, text=True).stdout.strip()


def _certificate(place: Path, host: str) -> None:
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", "ca.key", "-out", "ca.crt"]
    subject = ["-days", "1", "-subj", "/CN=registry of a test", "-addext", f"subjectAltName=IP:{host}"]
    subprocess.run([*request, *files, *subject], cwd=place, check=True, capture_output=True)


def _wait(address: str, log: Path) -> None:
    host, port = address.split(":")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())
