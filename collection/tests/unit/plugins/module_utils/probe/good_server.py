# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A small well-behaved server on 127.0.0.1 that tests can script: one thread for each connection."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: path and method in, (status, headers, body) out
Script = Callable[[str, str], tuple[int, dict[str, str], bytes]]


class Served:
    """Its port, and the requests that it read, in order."""

    def __init__(self, host: str, port: int) -> None:
        self.port = port
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self.requests: list[str] = []


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024


class _ServerOn6(_Server):
    address_family = socket.AF_INET6


def hello(path: str, method: str) -> tuple[int, dict[str, str], bytes]:
    """The default script: the path tells version (/green), redirect (/from), slowness (/slow) and status (/500)."""
    if path.startswith("/from"):
        return 302, {"Location": "/to"}, b""
    if path.startswith("/slow"):
        time.sleep(0.2)
    version = "green" if "green" in path else "blue"
    body = json.dumps({"tag": version, "n": 3}).encode()
    return (500 if path == "/500" else 200), {"X-Version": version, "X-Pod": f"pod-{version}"}, body


@contextmanager
def serving(script: Script = hello, host: str = "127.0.0.1") -> Iterator[Served]:
    """Serve on a loopback address until the block ends."""
    served: Served

    class Handler(socketserver.StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self) -> None:
            while True:
                line = self.rfile.readline()
                if not line:
                    return
                method, path, _unused = line.decode("latin-1").split(" ")
                headers = {}
                while (raw := self.rfile.readline()) not in (b"\r\n", b""):
                    name, _unused, value = raw.decode("latin-1").partition(":")
                    headers[name.lower()] = value.strip()
                self.rfile.read(int(headers.get("content-length", "0")))
                served.requests.append(f"{method} {path}")
                try:
                    status, extra, body = script(path, method)
                except ConnectionAbortedError:  # the script's way to end the connection without an answer
                    return
                lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
                lines += [f"{name}: {value}" for name, value in extra.items()]
                payload = b"" if method == "HEAD" else body
                self.wfile.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + payload)
                if headers.get("connection") == "close":
                    return

    kind = _ServerOn6 if ":" in host else _Server
    with kind((host, 0), Handler) as server:
        served = Served(host, server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
