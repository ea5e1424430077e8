# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Bodies are judged as the service meant them: without their Content-Encoding."""

from __future__ import annotations

import gzip
import zlib

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.content import MAX_DECODED, decoded
from hypothesis import given
from hypothesis import strategies as st


def raw_deflate(body: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return machine.compress(body) + machine.flush()


@given(st.binary(max_size=2000))
def test_every_coding_gives_the_body_back(body: bytes) -> None:
    assert decoded(gzip.compress(body), "gzip") == (body, "")
    assert decoded(gzip.compress(body), "X-GZIP") == (body, "")
    assert decoded(zlib.compress(body), "deflate") == (body, "")
    assert decoded(raw_deflate(body), "deflate") == (body, "")
    assert decoded(zlib.compress(gzip.compress(body)), "gzip, deflate") == (body, "")
    assert decoded(gzip.compress(body) + gzip.compress(body), "gzip") == (body + body, "")
    assert decoded(body, "identity") == decoded(body, None) == (body, "")


@pytest.mark.parametrize(
    ("body", "coding", "content", "said"),
    [
        (b"x", "br", b"x", "br cannot be read"),
        (b"no gzip", "gzip", b"", "is broken"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-4], "gzip", b"x" * 1000, "is cut short"),
        (gzip.compress(b"x", mtime=0) + b"\0\0", "gzip", b"x", ""),
        (b"", "gzip", b"", ""),
    ],
)
def test_what_cannot_be_read_is_told(body: bytes, coding: str, content: bytes, said: str) -> None:
    found, problem = decoded(body, coding)
    assert found == content
    assert said in problem
    assert bool(said) == bool(problem)


def test_a_few_bytes_that_stand_for_gigabytes_do_not_fill_memory() -> None:
    found, problem = decoded(gzip.compress(bytes(MAX_DECODED + 5)), "gzip")
    assert len(found) == MAX_DECODED
    assert "more than" in problem
