# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One request of the plan, from when it is due to its one outcome, whatever connections it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .response import AnswerReader
from .track import Tracker

if TYPE_CHECKING:
    from .target import Target


class Request:
    """Times in ns from the start of the probe."""

    __slots__ = (
        "diagnosed",
        "due",
        "heads",
        "hops",
        "number",
        "payload",
        "reader",
        "start",
        "target",
        "target_index",
        "tracker",
        "turn",
        "unwritten",
        "user",
        "wire_bytes",
    )

    def __init__(self, target: Target, target_index: int, payload: bytes, due: int, start: int) -> None:
        self.target = target  # another than the plan's after a redirect
        self.target_index = target_index  # of the plan's
        self.payload = payload
        self.unwritten = b""  # what of the payload is not written yet
        self.due = due
        self.start = start
        #: The tracker that has its number; a diagnosis has neither.
        self.tracker: Tracker
        self.number: int
        self.turn = 0  # the request's number in the whole plan
        self.user: Any = None
        self.heads: dict[Any, Any] = {}  # answers that are known already
        self.reader: AnswerReader | None = None
        self.wire_bytes = 0  # bytes of the answer so far
        self.hops = 0  # redirects that were followed
        #: The kept connection's failure that this one diagnoses ("" for a request of the plan).
        self.diagnosed = ""
