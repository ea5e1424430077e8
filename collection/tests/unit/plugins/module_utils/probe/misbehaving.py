# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A real server on 127.0.0.1 that misbehaves on purpose, at counts that are known beforehand.

A request for `/kind/<name>` gets that kind of `misbehaviours.KINDS`; any other path gets the next kind of the plan
(shuffled with a fixed seed, `ok` when it is used up). `served` counts the requests read, per kind: what a client
reports can be compared with what really happened.

It runs as a process of its own, so that it never competes with the client under test for the interpreter
(misbehaving_process.py starts it). By hand: `python misbehaving.py ok=90 reset-before=10`, then `counts`,
`refuse 0.5` or `stop` on standard input.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # it is started as a script, too

from misbehaviours import KINDS, Peer  # type: ignore[import-not-found]  # beside it, as a script

#: what a listener does before HTTP begins
FRONTS = ("plain", "tls", "tls-plaintext", "tls-reset", "tls-close", "tls-never", "mute")


def planned(counts: Sequence[tuple[str, int]], seed: int | None = 1) -> list[str]:
    """The kinds of `counts`, each exactly that often: shuffled, always the same way, or in order without a seed."""
    unknown = sorted({kind for kind, _unused in counts} - set(KINDS))
    if unknown:
        raise ValueError(f"unknown kinds {unknown}, expected some of {sorted(KINDS)}")
    order = [kind for kind, count in counts for _unused in range(count)]
    if seed is not None:
        random.Random(seed).shuffle(order)
    return order


class Server:
    """The listener and its connections, one thread each. Times are CLOCK_REALTIME seconds (the records' clock)."""

    def __init__(self, plan: Sequence[str] = (), front: str = "plain", context: ssl.SSLContext | None = None) -> None:
        if front not in FRONTS:
            raise ValueError(f"front {front!r}: expected one of {FRONTS}")
        self.front = front
        self.context = context
        self.served: Counter[str] = Counter()
        self.accepted = 0
        self.stopping = threading.Event()
        self._plan = iter(list(plan))
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        # A second socket keeps the port bound while the listener is closed: nobody else can take it, and the
        # kernel never picks it as the source port of a connection to itself.
        self._holder = self._bound(0)
        self.port: int = self._holder.getsockname()[1]
        self._listener = self._listen()

    @staticmethod
    def _bound(port: int) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        return sock

    def _listen(self) -> socket.socket:
        sock = self._bound(self.port)
        sock.listen(4096)
        threading.Thread(target=self._accept, args=(sock,), daemon=True).start()
        return sock

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _unused = listener.accept()
            except OSError:  # the listener was shut down
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.accepted += 1
                self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def refuse(self, seconds: float) -> list[float]:
        """Close the listener and reset what is open, for `seconds`.

        Returns four times: before and after closing, before and after opening. This process may lose the processor at
        any of them; what happened lies between.
        """
        closing = time.time()
        self._listener.shutdown(socket.SHUT_RDWR)  # also wakes the thread in accept()
        self._listener.close()
        with self._lock:
            victims = list(self._open)
        for sock in victims:
            # The thread that serves it wakes up with an error; it closes the socket.
            self._abort(sock)
        closed = time.time()
        # The window ends on time, however long closing took.
        time.sleep(max(0.0, closing + seconds - time.time()))
        opening = time.time()
        self._listener = self._listen()
        return [closing, closed, opening, time.time()]

    @staticmethod
    def _abort(sock: socket.socket) -> None:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.shutdown(socket.SHUT_RD)
        except OSError:
            return  # it went away by itself

    def stop(self) -> None:
        """Close the listener, the port and every connection."""
        self.stopping.set()
        for sock in (self._listener, self._holder):
            with suppress(OSError):  # the holder was never connected
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        with self._lock:
            for sock in list(self._open):
                self._abort(sock)

    def _serve(self, raw: socket.socket) -> None:
        sock: socket.socket = raw
        try:
            started = self._begin(raw)
            if started is not None:
                with self._lock:  # a TLS socket takes the descriptor over from the raw one
                    self._open = self._open - {raw} | {started}
                sock = started
                self._requests(Peer(sock, self.stopping))
        except OSError:
            pass  # the client left: its own affair
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    def _begin(self, raw: socket.socket) -> socket.socket | None:
        """What the front does to a fresh connection; the socket to speak HTTP on, or None when it ended there."""
        peer = Peer(raw, self.stopping)
        if self.front == "plain":
            return raw
        self._count(self.front)
        if self.front == "tls" and self.context is not None:
            return self.context.wrap_socket(raw, server_side=True)
        if self.front == "mute":
            peer.hold()
            return None
        raw.recv(4096)  # the ClientHello
        if self.front == "tls-plaintext":
            peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        elif self.front == "tls-reset":
            peer.reset()
        elif self.front == "tls-never":
            peer.hold()
        return None

    def _requests(self, peer: Peer) -> None:
        # No makefile(): such a stream keeps the descriptor open, and the RST would never be sent.
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                piece = peer.sock.recv(65536)
                if not piece:
                    return
                data += piece
            head, _unused, data = data.partition(b"\r\n\r\n")
            line, *headers = head.split(b"\r\n")
            peer.method, peer.path, _unused = line.split(b" ", 2)
            length = 0
            for header in headers:
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":", 1)[1])
            while len(data) < length:
                data += peer.sock.recv(65536)
            data = data[length:]
            kind = self._kind(peer.path.decode("ascii", "replace"))
            self._count(kind)
            if not KINDS[kind](peer):
                return

    def _kind(self, path: str) -> str:
        if path.startswith("/kind/"):
            return path.removeprefix("/kind/").split("?")[0]
        with self._lock:
            return next(self._plan, "ok")

    def _count(self, kind: str) -> None:
        with self._lock:
            self.served[kind] += 1


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve misbehaviour on 127.0.0.1 until standard input ends.")
    parser.add_argument("plan", nargs="*", metavar="KIND=COUNT", help="how many requests get which kind")
    parser.add_argument("--in-order", action="store_true", help="do not shuffle the plan")
    parser.add_argument("--front", choices=FRONTS, default="plain", help="what a connection meets before HTTP")
    parser.add_argument("--cert", help="PEM certificate of the tls front")
    parser.add_argument("--key", help="PEM key of the tls front")
    parser.add_argument("--client-ca", help="PEM authority that client certificates must come from")
    options = parser.parse_args()
    counts = [(kind, int(count)) for kind, _unused, count in (item.partition("=") for item in options.plan)]
    context = None
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        if options.client_ca:
            context.load_verify_locations(options.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    server = Server(planned(counts, None if options.in_order else 1), options.front, context)
    print(json.dumps({"port": server.port}), flush=True)
    for line in sys.stdin:
        command, _unused, argument = line.strip().partition(" ")
        if command == "counts":
            reply: dict[str, object] = {"served": server.served, "accepted": server.accepted}
        elif command == "refuse":
            reply = {"window": server.refuse(float(argument))}
        elif command == "stop":
            break
        else:
            reply = {"error": f"{command!r}: expected counts, refuse SECONDS or stop"}
        print(json.dumps(reply), flush=True)
    server.stop()


if __name__ == "__main__":
    main()
