# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Fuzz the response parser for a bounded time: `fuzz_response.py [seconds]` (30 by default), as `make fuzz` does.

Whatever a server sends, the parser must (1) raise nothing but MalformedAnswer, (2) say the same when the bytes come in
one piece or in many, (3) count no more body than there were bytes. A crash leaves its input in the current folder.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "plugins" / "module_utils"))
sys.path.insert(0, str(ROOT / "tests" / "unit" / "plugins" / "module_utils" / "probe"))

with atheris.instrument_imports(include=["probe.response"]):
    from probe.response import MAX_HEAD, AnswerReader, MalformedAnswer  # type: ignore[import-not-found]

METHODS = ("GET", "HEAD")
SEEDS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n1\r\n\n\r\n0\r\nTrailer: t\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n",
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nok\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nok\n",
    b"HTTP/1.1 abc OK\r\n\r\n",
)


def outcome(method: str, pieces: list[bytes]) -> tuple[object, ...]:
    """What the parser makes of the pieces, up to the end of the first answer."""
    reader = AnswerReader(method, keep_body=True)
    fed = 0
    try:
        for piece in pieces:
            fed += len(piece)
            if reader.feed(piece):
                break
        else:
            return ("open", reader.closed(), *facts(reader, fed))
    except MalformedAnswer:
        return ("malformed",)
    return ("whole", *facts(reader, fed))


def facts(reader: AnswerReader, fed: int) -> tuple[object, ...]:
    """Status, framing and body of a reader, checked against what it was fed."""
    assert reader.body_bytes <= fed, f"{reader.body_bytes} bytes of body out of {fed} bytes"
    assert len(reader.body) <= reader.body_bytes
    head = reader.head
    return (head and (head.status, head.framing, head.keep_alive, head.headers), bytes(reader.body))


def one_input(data: bytes) -> None:
    """Parse one input whole, byte by byte, and in pieces of a length that its first byte tells."""
    if not data or len(data) > MAX_HEAD:
        return
    method, step, answer = METHODS[data[0] & 1], 1 + (data[0] >> 1), data[1:]
    whole = outcome(method, [answer])
    for size in (1, step):
        pieces = [answer[at : at + size] for at in range(0, len(answer), size)] or [b""]
        assert outcome(method, pieces) == whole, f"in pieces of {size}: {outcome(method, pieces)}, whole: {whole}"


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with tempfile.TemporaryDirectory(prefix="fuzz-") as corpus:
        for number, seed in enumerate(SEEDS):
            for first in (b"\x00", b"\x0b"):
                Path(corpus, f"{number}-{first.hex()}").write_bytes(first + seed)
        atheris.Setup(
            [sys.argv[0], f"-max_total_time={seconds}", "-max_len=4096", "-print_final_stats=1", corpus], one_input
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
