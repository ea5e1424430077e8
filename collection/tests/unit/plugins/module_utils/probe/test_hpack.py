# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Header blocks: the examples of RFC 7541 (Appendix C), what an encoder may do, and bytes that are no block."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.http2.hpack import (
    NO_TABLE,
    Decoder,
    HpackError,
    encode,
)
from ansible_collections.availability.lab.plugins.module_utils.probe.http2.huffman import codes, decoded
from hypothesis import given
from hypothesis import strategies as st

_REQUESTS = [
    [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")],
    [
        *((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")),
        ("cache-control", "no-cache"),
    ],
    [
        *((":method", "GET"), (":scheme", "https"), (":path", "/index.html"), (":authority", "www.example.com")),
        ("custom-key", "custom-value"),
    ],
]
_DATE, _NEXT_DATE = "Mon, 21 Oct 2013 20:13:21 GMT", "Mon, 21 Oct 2013 20:13:22 GMT"
_PLACE = ("location", "https://www.example.com")
_ANSWERS = [
    [(":status", "302"), ("cache-control", "private"), ("date", _DATE), _PLACE],
    [(":status", "307"), ("cache-control", "private"), ("date", _DATE), _PLACE],
    [
        *((":status", "200"), ("cache-control", "private"), ("date", _NEXT_DATE), _PLACE),
        ("content-encoding", "gzip"),
        ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
    ],
]
_TABLE_OF_256 = "3fe101"
SERIES = {
    "C.3": (
        "",
        ["828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
         "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"],
        _REQUESTS,
    ),
    "C.4": (
        "",
        ["828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
         "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"],
        _REQUESTS,
    ),
    "C.5": (
        _TABLE_OF_256,
        ["4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
         "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
         "4803333037c1c0bf",
         "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f"
         "3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076"
         "657273696f6e3d31"],
        _ANSWERS,
    ),
    "C.6": (
        _TABLE_OF_256,
        ["488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f"
         "0b97c8e9ae82ae43d3",
         "4883640effc1c0bf",
         "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df"
         "dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"],
        _ANSWERS,
    ),
}  # fmt: skip
Fields = list[tuple[bytes, bytes]]


def as_bytes(fields: list[tuple[str, str]]) -> Fields:
    return [(name.encode(), value.encode()) for name, value in fields]


@pytest.mark.parametrize("name", SERIES)
def test_the_examples_of_the_standard(name: str) -> None:
    first, blocks, expected = SERIES[name]
    decoder = Decoder({})
    for number, (block, fields) in enumerate(zip(blocks, expected)):
        raw = bytes.fromhex(("" if number else first) + block)
        assert list(decoder.decode(raw).pairs) == as_bytes(fields)


def huffman(text: bytes) -> bytes:
    """Coded, with the padding of ones."""
    table = codes()
    bits = "".join(f"{table[byte][0]:0{table[byte][1]}b}" for byte in text)
    bits += "1" * (-len(bits) % 8)
    return int(bits or "0", 2).to_bytes(len(bits) // 8, "big")


@given(st.binary(max_size=300))
def test_every_string_comes_back_from_its_huffman_code(text: bytes) -> None:
    assert decoded(huffman(text)) == text


def string(text: bytes, coded: bool) -> bytes:
    raw = huffman(text) if coded else text
    assert len(raw) < 127
    return bytes((len(raw) | (0x80 if coded else 0),)) + raw


def varint(number: int) -> bytes:
    """What of an integer did not fit into its first byte."""
    coded = b""
    while number >= 0x80:
        coded, number = coded + bytes((number & 0x7F | 0x80,)), number >> 7
    return coded + bytes((number,))


def indexed(number: int) -> bytes:
    """A block of one field: entry `number` of the sender's own table."""
    index = 62 + number
    return bytes((0x80 | index,)) if index < 127 else b"\xff" + varint(index - 127)


class Encoder:
    """Uses the table whenever it can: a plain model of RFC 7541 2.3 and 4, beside the one under test."""

    def __init__(self) -> None:
        self.table: Fields = []

    def encode(self, fields: list[tuple[bytes, bytes, bool]]) -> bytes:
        block = b""
        for name, value, coded in fields:
            if (name, value) in self.table:
                block += bytes((0x80 | (62 + self.table.index((name, value))),))
                continue
            block += b"\x40" + string(name, coded) + string(value, coded)
            self.table.insert(0, (name, value))
            while sum(len(one) + len(other) + 32 for one, other in self.table) > 4096:
                self.table.pop()
        return block


_NAMES = st.sampled_from([b"date", b"x-pod", b"x-version", b"content-type"])
_BLOCK = st.lists(st.tuples(_NAMES, st.binary(max_size=20), st.booleans()), max_size=6)


@given(st.lists(_BLOCK, max_size=30), st.data())
def test_blocks_that_come_again_mean_what_they_meant(
    blocks: list[list[tuple[bytes, bytes, bool]]], data: st.DataObject
) -> None:
    """Two connections share their memory, as those of a worker do."""
    memory: dict[bytes, object] = {}
    sides = [(Encoder(), Decoder(memory)) for _unused in range(2)]
    for fields in blocks:
        encoder, decoder = sides[data.draw(st.integers(0, 1))]
        expected = [(name, value) for name, value, _unused in fields]
        assert list(decoder.decode(encoder.encode(fields)).pairs) == expected


@pytest.mark.parametrize("times", [1, 2, 130, 300])
@pytest.mark.parametrize("size", [0, 2_000, 5_000])
def test_a_block_that_is_added_again_and_again_fills_the_table_as_if_read_each_time(times: int, size: int) -> None:
    """As nginx sends them: every field to be kept, and none of those that were."""
    block = b"\x40\x01a\x00" + b"\x40\x01b" + (b"\x00" if not size else b"\x7f" + varint(size - 127) + b"x" * size)
    other, table = b"\x40\x01c\x01d", Encoder().table
    decoder = Decoder({})
    for added in [[(b"a", b""), (b"b", b"x" * size)]] * times + [[(b"c", b"d")]]:
        for field in added:
            table.insert(0, field)
            while sum(len(one) + len(value) + 32 for one, value in table) > 4096:
                table.pop()
        decoder.decode(block if len(added) > 1 else other)
    for number, field in enumerate(table):
        assert decoder.decode(indexed(number)).pairs == (field,)
    with pytest.raises(HpackError):
        decoder.decode(indexed(len(table)))


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.binary(max_size=300)), max_size=8))
def test_what_is_encoded_is_read_the_same_and_leaves_no_table(fields: Fields) -> None:
    block = encode(fields)
    decoder = Decoder({})
    assert list(decoder.decode(block).pairs) == fields
    assert decoder.decode(block).added == ()
    with pytest.raises(HpackError):
        decoder.decode(b"\xbe")  # the first entry of a table that is empty


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_other_bytes_are_an_error_and_nothing_else(blocks: list[bytes]) -> None:
    decoder = Decoder({})
    try:
        for block in blocks:
            decoder.decode(block)
    except HpackError:
        pass


@pytest.mark.parametrize(
    "block",
    [
        b"\x80",  # index 0
        b"\xff\xff\xff\xff\xff\xff\xff",  # an integer without end
        b"\x3f\xe2\x1f",  # a table of 4097 bytes, one more than we allow
        b"\x88\x20",  # a table's size behind a field
        b"\x40\x0aab",  # a string that is longer than its block
        b"\x00\x84\xff\xff\xff\xff\x00",  # the end of a string inside it
        b"\x00\x81\x00\x00",  # a symbol without its last bits
        b"\x00\x82\x1f\xff\x00",  # padding of more than 7 bits
    ],
)
def test_what_is_no_block(block: bytes) -> None:
    with pytest.raises(HpackError):
        Decoder({}).decode(block)


def test_a_table_that_was_given_up_is_empty() -> None:
    decoder = Decoder({})
    decoder.decode(b"\x40\x01a\x01b")
    assert decoder.decode(b"\xbe").pairs == ((b"a", b"b"),)
    decoder.decode(NO_TABLE)
    with pytest.raises(HpackError):
        decoder.decode(b"\xbe")


def test_an_entry_larger_than_the_table_empties_it() -> None:
    decoder = Decoder({})
    decoder.decode(b"\x40\x01a\x01b")
    large = b"\x40\x01c" + b"\x7f\x81\x1f" + b"x" * 4096
    assert decoder.decode(large).pairs == ((b"c", b"x" * 4096),)
    with pytest.raises(HpackError):
        decoder.decode(b"\xbe")
