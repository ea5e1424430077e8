# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An answer of a protocol that has no statuses and headers: what it said, in a word, and whether that is good."""

from __future__ import annotations

from .response import NONE, AnswerReader, Head, MalformedAnswer


class BrokenOff(MalformedAnswer):
    """The other side ended the exchange in the protocol's own words; the request fails with this outcome."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(why)
        self.outcome = name


class SaidReader(AnswerReader):
    """Base of such readers. They differ in `feed`."""

    #: The word is counted among the record's statuses.
    __slots__ = ("label", "verdict")

    def __init__(self) -> None:
        super().__init__("", keep_body=True)
        self.label = ""
        self.verdict = None

    def said(self, label: str, wrong: tuple[str, str] | None = None, *, body: bytes = b"", keep: bool = True) -> bool:
        """The answer is whole: `wrong` is the outcome and why, `keep` whether the connection may be used again."""
        self.label, self.verdict = label, wrong
        self.body[:] = body
        self.body_bytes = len(body)
        self.head = Head(0, {}, NONE, 0, keep)
        return True
