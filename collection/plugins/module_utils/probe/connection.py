# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One TCP or TLS connection. Nothing here waits."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING, Any, Callable

from .request import Request
from .response import AnswerReader

if TYPE_CHECKING:
    from .expectation import Expectation
    from .target import Target

IDLE, CONNECTING, HANDSHAKING, SENDING, WAITING, READING = range(6)
#: What comes between requests is read in so many pieces at a time: a flood must not hold up the loop.
READS = 64
#: A time that does not come.
NEVER = 1 << 62
_TCP_ESTABLISHED = 1
_TCP_SYN_SENT = 2
_TCP_CLOSE = 7  # linux/include/net/tcp_states.h: after an RST; after an orderly end it is CLOSE_WAIT

Address = tuple[int, Any]  # (address family, socket address)
Attempt = tuple[Any, Any]  # (socket that connects, the socket address it connects to)


def came_of(attempt: Attempt) -> int | None:
    """None: it goes on; 0: the connection stands; else the errno that it ended with."""
    sock = attempt[0]
    code = int(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    if code == 0 and sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_SYN_SENT:
        return None
    return code


class Connection:
    """A connection of a lane, that speaks HTTP/1.1; other protocols derive theirs (protocol.py).

    Times in ns from the start of the probe.

    WAITING means: the request is out, no byte came yet, and the answer may be taken by the loop's fast path. Every
    other state is handled step by step.
    """

    __slots__ = (
        "addresses",
        "attempt_ends",
        "connected_at",
        "fd",
        "idle_since",
        "keep_ns",
        "lane",
        "recv",
        "request",
        "requests",
        "rivals",
        "send",
        "sock",
        "state",
        "target",
        "tcp_at",
        "tls",
        "where",
    )

    def __init__(self, lane: Any, target: Target) -> None:
        self.lane = lane
        self.target = target
        self.sock: Any = None
        self.fd = -1
        self.recv: Callable[[int], bytes]
        self.send: Callable[[bytes], int]
        self.state = IDLE
        self.tls: ssl.SSLContext | None = None
        self.request: Request  # the one that is on it; of an IDLE connection the one before
        self.requests = 0  # requests begun on this connection
        self.tcp_at = 0  # of a TLS connection: when its handshake began
        self.connected_at = 0
        self.addresses: tuple[Address, ...] = ()  # the target's that were not tried yet
        self.attempt_ends = NEVER  # when the next of them is tried
        self.where: Any = None  # the socket address of this attempt
        self.rivals: tuple[Attempt, ...] = ()  # earlier attempts, which may still succeed
        self.idle_since = 0
        self.keep_ns = NEVER  # how long the server said it keeps an idle connection

    def open(self, address: Address, context: ssl.SSLContext | None) -> bool:
        """Begin to connect; True when it is done already (loopback). Raises OSError."""
        family, where = address
        self.where = where
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.sock, self.fd, self.tls = sock, sock.fileno(), context
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(where)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, errno.errorcode.get(code, str(code)))
        self.state = CONNECTING
        self.recv, self.send = sock.recv, sock.send
        return code == 0

    def reader(self, expected: Expectation | None) -> AnswerReader:
        """What takes the answer to the request that is on it; `expected` is None where nobody looks at its body."""
        return AnswerReader(self.request.target.method, expected is not None)

    def heard(self) -> bool:
        """Take what came between requests; whether the connection can still carry one."""
        return False  # the server closed it, or said something unasked

    def park(self) -> None:
        """Let the attempt go on beside the next one."""
        self.rivals = (*self.rivals, (self.sock, self.where))
        self.sock, self.fd = None, -1

    def take(self, attempt: Attempt) -> None:
        """Make one of the rivals the connection's own attempt."""
        self.rivals = tuple(rival for rival in self.rivals if rival is not attempt)
        self.sock, self.where = attempt
        self.fd, self.state = self.sock.fileno(), CONNECTING
        self.recv, self.send = self.sock.recv, self.sock.send

    def begin_tls(self) -> None:
        """Put TLS on the connected socket. Raises OSError."""
        context = self.tls or ssl.create_default_context()
        self.sock = context.wrap_socket(
            self.sock, server_hostname=self.target.server_name, do_handshake_on_connect=False
        )
        self.recv, self.send = self.sock.recv, self.sock.send
        self.state = HANDSHAKING

    def connect_error(self) -> int:
        """The errno that the connection attempt ended with; 0 when it stands."""
        return int(self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def still_open(self) -> bool:
        """The peer has neither ended nor reset the connection, as far as this host knows by now."""
        return bool(self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_ESTABLISHED)

    def was_reset(self) -> bool:
        """The end of the TLS stream was an RST: Python up to 3.12 reports one as an orderly end (gh-115627).

        After an orderly end OpenSSL has sent an alert; the RST which that brought is pending as EPIPE.
        """
        if self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.EPIPE:
            return False
        return bool(self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE)

    def place(self) -> str:
        """Where this attempt to connect went, for people."""
        host, port = self.where[0], self.where[1]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def connected(self) -> bool:
        """TCP, and TLS where asked, are set up."""
        return self.state >= SENDING

    def close(self) -> None:
        """Close the socket; the epoll set forgets it by itself."""
        self.state = IDLE
        if self.sock is not None:
            self.sock.close()
            self.sock = None
