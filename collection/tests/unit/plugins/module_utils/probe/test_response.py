# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The parser: whatever the pieces, the same answer; what is no HTTP/1.1 is malformed."""

from __future__ import annotations

from contextlib import suppress

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.response import (
    MAX_HEAD,
    AnswerReader,
    MalformedAnswer,
    read_head,
)
from hypothesis import given
from hypothesis import strategies as st

BODY = st.binary(max_size=300)


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, int, bytes]:
    """(bytes on the wire, status, body) of a well-formed answer that says where it ends."""
    status, body = draw(st.integers(200, 599)), draw(BODY)
    informational = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * draw(st.integers(0, 2))
    head = b"HTTP/1.1 %d Something\r\nX-Pod: a\r\n" % status
    if status in (204, 304):
        return informational + head + b"\r\n", status, b""
    if draw(st.booleans()):
        wire = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body, draw(st.integers(1, 50)))
    else:
        wire = head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    return informational + wire, status, body


@given(answers(), st.lists(st.integers(1, 40), max_size=30))
def test_any_pieces_give_the_same_answer(answer: tuple[bytes, int, bytes], cuts: list[int]) -> None:
    wire, status, body = answer
    reader = AnswerReader("GET", keep_body=True)
    rest = wire
    for cut in cuts:
        piece, rest = rest[:cut], rest[cut:]
        if piece and rest:
            assert reader.feed(piece) is False
        elif piece:
            rest = piece
            break
    assert reader.feed(rest) is True
    assert reader.answer_head.status == status
    assert bytes(reader.body) == body
    assert reader.body_bytes == len(body)
    assert not reader.surplus


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_an_answer_or_malformed(data: bytes) -> None:
    reader = AnswerReader("GET", keep_body=False)
    with suppress(MalformedAnswer):
        reader.feed(data)
    reader.closed()


@pytest.mark.parametrize(
    "wire",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000000000000000\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEAD,
    ],
)
def test_malformed(wire: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        AnswerReader("GET", keep_body=False).feed(wire)


@pytest.mark.parametrize(
    ("wire", "header", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nX: a;\r\n  b\r\n\tc\r\nContent-Length: 2\r\n\r\nok", "a; b c", b"ok"),
        (b"HTTP/1.1 200 OK\r\nX: \r\n a\r\nContent-Length: 2\r\n\r\nok", "a", b"ok"),
        (b"HTTP/1.1 200 OK\nX: a\nContent-Length: 2\n\nok", "a", b"ok"),
        (b"HTTP/1.1 200 OK\r\nX: a\r\nContent-Length: 2\n\nok", "a", b"ok"),
        (b"HTTP/1.1 200 OK\nX: a\nContent-Length: 2\n\r\nok", "a", b"ok"),
        (b"HTTP/1.1 200 OK\r\nX: a\r\nContent-Length: 2, 2\r\n\r\nok", "a", b"ok"),
        (b"HTTP/1.1 200 OK\r\nX: a\r\nContent-Length: 2\r\nContent-Length: 02\r\n\r\nok", "a", b"ok"),
        (
            b"HTTP/1.1 200 OK\r\nX: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"00000000000000002\r\nok\r\n0\r\nT: 1\r\n 2\r\n\r\n",
            "a",
            b"ok",
        ),
        (b"HTTP/1.1 200 OK\nX: a\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n", "a", b"ok"),
        (b"HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nX: a\nContent-Length: 2\n\nok", "a", b"ok"),
    ],
)  # fmt: skip
def test_what_browsers_and_curl_take(wire: bytes, header: str, body: bytes) -> None:
    for size in (1, 7, len(wire)):
        reader = AnswerReader("GET", keep_body=True)
        pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
        assert [reader.feed(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
        assert reader.answer_head.header("x") == header
        assert (bytes(reader.body), reader.surplus) == (body, False)


def test_how_long_an_idle_connection_is_kept() -> None:
    head = read_head(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: max=3, timeout=10")
    assert head.keeps_ns == 9_000_000_000
    assert read_head(b"HTTP/1.1 200 OK\r\nContent-Length: 0").keeps_ns > 1 << 60


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    reader = AnswerReader("GET", keep_body=True)
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\nsome") is False
    assert reader.feed(b" body") is False
    assert reader.closed() is True
    assert bytes(reader.body) == b"some body"
    assert not reader.answer_head.keep_alive


def test_an_answer_cut_short_is_not_whole() -> None:
    reader = AnswerReader("GET", keep_body=False)
    assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc") is False
    assert reader.begun
    assert reader.closed() is False


def test_head_has_no_body_whatever_it_says() -> None:
    reader = AnswerReader("HEAD", keep_body=False)
    assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n") is True
    assert not reader.surplus


def test_bytes_behind_the_answer_are_noticed() -> None:
    reader = AnswerReader("GET", keep_body=True)
    assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokEXTRA") is True
    assert reader.surplus
    assert bytes(reader.body) == b"ok"


@pytest.mark.parametrize(
    ("raw", "keep"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, close", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive", True),
    ],
)
def test_keep_alive(raw: bytes, keep: bool) -> None:
    assert read_head(raw).keep_alive is keep


def test_headers_are_found_in_any_case_and_repeated_ones_joined() -> None:
    head = read_head(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: 1\r\nx-a: 2")
    assert head.header("X-a") == "1, 2"
    assert head.header("absent") is None


def test_the_head_is_not_there_before_it_was_read() -> None:
    with pytest.raises(RuntimeError):
        _unused = AnswerReader("GET", keep_body=False).answer_head
