# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A server whose faults are switched on by name, for plants that hello, which has none, cannot show.

Run in the image of hello: python3 -c "<this file>". Environment and /set?name=value give STATUS (of each answer),
SLEEP_S and BURN_S (before it), ASK (a URL that is asked before it), IGNORE_TERM, START_S (before it listens).
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

SET = {"STATUS": "200", "SLEEP_S": "0", "BURN_S": "0", "ASK": "", "IGNORE_TERM": "", "START_S": "0"}
SET.update({name: os.environ[name] for name in SET if name in os.environ})
EATEN: list[bytes] = []


class Handler(BaseHTTPRequestHandler):
    """GET / is what the probe asks, /healthz is always well, the others are the faults."""

    def do_GET(self) -> None:
        """One answer."""
        path = urlsplit(self.path)
        if path.path == "/set":
            SET.update(parse_qsl(path.query))
        elif path.path == "/crash":
            os._exit(1)
        elif path.path == "/eat":
            EATEN.append(b"x" * 200_000_000)
        status = self.work() if path.path == "/" else 200
        self.send_response(status)
        self.send_header("Content-Length", "3")
        self.send_header("X-Pod", socket.gethostname())
        self.end_headers()
        self.wfile.write(b"ok\n")

    def work(self) -> int:
        """Be as slow and as wrong as was asked for."""
        end = time.thread_time() + float(SET["BURN_S"])
        while time.thread_time() < end:
            pass
        time.sleep(float(SET["SLEEP_S"]))
        if SET["ASK"]:
            try:
                urllib.request.urlopen(SET["ASK"], timeout=1).read()  # noqa: S310 - the plant's own address
            except OSError:
                return 502
        return int(SET["STATUS"])

    def log_message(self, *_unused: object) -> None:
        """Nothing: the pod's log is nobody's here."""


class Server(ThreadingHTTPServer):
    """With room for those who wait."""

    request_queue_size = 128
    daemon_threads = True


signal.signal(signal.SIGTERM, signal.SIG_IGN if SET["IGNORE_TERM"] else lambda *_unused: sys.exit(0))
time.sleep(float(SET["START_S"]))
Server(("", 5000), Handler).serve_forever()
