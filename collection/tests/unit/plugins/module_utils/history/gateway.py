# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The part of etcd's JSON gateway that the history uses, over TLS with a client's certificate. Keys live in a dict."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.certificates import authority, issue

Json = dict[str, Any]


class Gateway(ThreadingHTTPServer):
    """keys: what is stored; fault: an answer (status, body) to everything; page: the most keys an answer has."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.keys: dict[bytes, bytes] = {}
        self.fault: tuple[int, str] | None = None
        self.writes = 0
        self.scheme = "http" if context is None else "https"
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A refused handshake is what some tests want."""

    def answer(self, call: str, body: Json) -> Json:
        key = base64.b64decode(body["key"])
        if call == "put":
            self.writes += 1
            self.keys[key] = base64.b64decode(body["value"])
        elif call == "deleterange":
            self.writes += 1
            return {"deleted": str(int(self.keys.pop(key, None) is not None))}
        elif call == "range":
            end = base64.b64decode(body.get("range_end", ""))
            found = sorted(one for one in self.keys if key <= one < end or one == key)
            kept = found[: int(body.get("limit") or len(found))]
            pairs = [{"key": _encode(one), "value": _encode(self.keys[one])} for one in kept]
            return {"count": str(len(found)), **({"kvs": pairs} if pairs else {}), "more": len(kept) < len(found)}
        return {}


class _Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, text = self.server.fault or (200, json.dumps(self.server.answer(self.path.rsplit("/", 1)[1], body)))
        raw = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_arguments: Any) -> None:
        """Tests are quiet."""


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@contextmanager
def running(context: ssl.SSLContext | None = None) -> Iterator[Gateway]:
    gateway = Gateway(context)
    thread = threading.Thread(target=gateway.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield gateway
    finally:
        gateway.shutdown()
        gateway.server_close()
        thread.join(5)


def certificates(folder: Path) -> tuple[ssl.SSLContext, dict[str, str]]:
    """The server's context, which asks clients for a certificate, and what a client needs by option name."""
    ca = authority(folder, "ca")
    server, client = issue(folder, ca, "server"), issue(folder, ca, "client")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.cert, server.key)
    context.load_verify_locations(ca.cert)
    context.verify_mode = ssl.CERT_REQUIRED
    return context, {"ca_cert": str(ca.cert), "client_cert": str(client.cert), "client_key": str(client.key)}
