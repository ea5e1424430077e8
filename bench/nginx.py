# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An nginx of our own, pinned to one core, on a free port of 127.0.0.1, ended by its process id."""

from __future__ import annotations

import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

CONFIG = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 8192;{few} }}
http {{
  {log}
  keepalive_requests 100000000;
  keepalive_timeout 65s;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=8192 reuseport{options};
    location / {{ default_type text/plain; return 200 "ok\\n"; }}
  }}
}}
"""

#: When it answered which request, as `?n=…` names it. nginx looks at the clock once for all that epoll tells at a time.
FEW = " epoll_events 4;"
LOG = "log_format answered '$msec $arg_n'; access_log {folder}/answered.log answered if=$arg_n;"

# No sessions to resume: some clients would, and others make a whole handshake each time.
TLS = " ssl; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem; ssl_session_tickets off"


def _certificate(folder: str) -> None:
    """A self-signed one: no client is to check it."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=bench", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"),
        ],
        check=True,
        capture_output=True,
    )


def free_port() -> int:
    """A port of 127.0.0.1 below the kernel's range of source ports, so that no client connection takes it."""
    for port in range(18080, 32000):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SystemExit("no free port between 18080 and 32000 on 127.0.0.1")


class Nginx:
    """`with Nginx(program, core) as server:` … `server.url`; `pause()` and `resume()` make a stall.

    logged: `answered` tells when each request was answered that has a number.
    """

    def __init__(
        self, program: Path, core: int, tls: bool = False, http2: bool = False, *, logged: bool = False
    ) -> None:
        self._program = program
        self._core = core
        self._folder = tempfile.TemporaryDirectory(prefix="bench-nginx-")
        self.port = free_port()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}/"
        if tls:
            _certificate(self._folder.name)
        config = Path(self._folder.name) / "nginx.conf"
        options = (" http2" if http2 else "") + (TLS.format(folder=self._folder.name) if tls else "")
        log = LOG.format(folder=self._folder.name) if logged else "access_log off;"
        told = {"port": self.port, "options": options, "few": FEW if logged else "", "log": log}
        config.write_text(CONFIG.format(folder=self._folder.name, **told))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it and return the UNIX time at which it answered first."""
        self._process = subprocess.Popen(
            ["taskset", "-c", str(self._core), str(self._program), "-c", f"{self._folder.name}/nginx.conf"],
            stdin=subprocess.DEVNULL,
        )
        until = time.monotonic() + 5
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.002)
            else:
                return time.time()
        raise RuntimeError(f"nginx did not start: {Path(self._folder.name, 'error.log').read_text()}")

    def stop(self) -> float:
        """Kill it and return the UNIX time of that: the kernel resets its connections and closes its port."""
        assert self._process is not None
        self._process.kill()
        killed = time.time()
        self._process.wait()
        self._process = None
        return killed

    def pause(self) -> float:
        """Stop it as a stalled node does: connections stay, nothing is answered. The UNIX time of that."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        return time.time()

    def resume(self) -> float:
        """Let it go on after `pause`; the UNIX time of that."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        return time.time()

    def answered(self) -> dict[int, float]:
        """Number of each request that has one -> the UNIX time of its answer, to the millisecond."""
        lines = Path(self._folder.name, "answered.log").read_text().splitlines()
        return {int(number): float(at) for at, number in (line.split() for line in lines)}

    def __enter__(self) -> Nginx:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.stop()
        self._folder.cleanup()
