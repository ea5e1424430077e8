# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Follows one kind of object: list, then watch from the list's resource version, and again after every break.

Nothing is lost or doubled: a broken or expired stream is resumed from the last resource version heard; when the
API no longer has that version (410) the objects are listed anew and compared with what is known, each difference
written once with via=relist. Every time without a stream is itself written, as a gap.

Source of the protocol: Kubernetes API concepts, "Efficient detection of changes" and "Watch bookmarks".
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from typing import Any

from .api import ApiGone, ApiRefused, ApiUnavailable, ClusterApi, WatchStream
from .objects import api_time_of, spec_of, state_of
from .record import Gap
from .writer import RecordWriter

WATCH_TIMEOUT_S = 300
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
PAGE = 500  # objects at once, as kubectl asks for them
GAP_NS = 200_000_000  # a resume faster than this is the server's own routine, not a gap


@dataclass(frozen=True)
class Resource:
    """What to watch: the API path of the collection and the selectors that narrow it."""

    kind: str
    path: str
    selector: str | None = None  # a fieldSelector
    required: bool = False
    optional: bool = False  # a kind that a cluster need not have
    place: str = ""  # the namespace, where it is not the recorded one

    @property
    def told(self) -> str:
        """How the record calls it where it was not heard."""
        return f"{self.kind} of {self.place}" if self.place else self.kind

    @property
    def params(self) -> dict[str, str]:
        return {"fieldSelector": self.selector} if self.selector else {}


@dataclass
class _Known:
    resource_version: str
    metadata: dict[str, Any]
    state: dict[str, Any]


class ResourceWatch(threading.Thread):
    """One thread, one connection. ``synced`` is set at the first open stream; ``refused`` says why there is none."""

    def __init__(self, api: ClusterApi, resource: Resource, writer: RecordWriter) -> None:
        super().__init__(name=f"watch of {resource.told}", daemon=True)
        self.synced = threading.Event()
        self.refused: str | None = None
        self.trouble: str | None = None  # why there is no stream now
        self.failed: BaseException | None = None  # what ended the thread before it was asked to
        self.resource = resource
        self._api, self._writer = api, writer
        self._halt = threading.Event()
        self._stream: WatchStream | None = None
        self._version: str | None = None
        self._known: dict[str, _Known] = {}
        self._lost_ns: int | None = None  # since when there is no stream
        self._relisted = False

    def stop(self) -> None:
        """End the thread: the stream is shut down under it."""
        self._halt.set()
        stream = self._stream
        if stream is not None:
            stream.shutdown()

    def nodes(self) -> set[str]:
        """The nodes on which the followed pods are, as far as known."""
        return {str(known.state["node"]) for known in list(self._known.values()) if known.state.get("node")}

    def run(self) -> None:
        try:
            self._keep_following()
        except Exception as error:  # a full disk, an object in an unknown shape: the recorder ends and says so
            self.failed = error
            self.synced.set()
        finally:
            self._end()

    def _end(self) -> None:
        """A stream that was lost and never came back is a gap to the end of the record."""
        if self._lost_ns is not None and self.synced.is_set() and self.refused is None and self.failed is None:
            now_ns = time.time_ns()
            if now_ns - self._lost_ns >= GAP_NS:
                self._writer.gap(Gap(self.resource.told, self._lost_ns, now_ns, True, self.trouble or ""))

    def _keep_following(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._halt.is_set():
            opened_s, wait_s = time.monotonic(), 0.0
            try:
                if self._version is None:
                    self._list()
                self._follow()
                self._lose("the server ended the watch")
                if time.monotonic() - opened_s > LONGEST_PAUSE_S:
                    pause_s = FIRST_PAUSE_S
                    continue
            except ApiGone as error:
                self._version, self._relisted = None, self.synced.is_set()
                self._lose(str(error))
            except ApiRefused as error:
                if not self.synced.is_set():
                    self.refused = str(error)
                    self.synced.set()
                    return
                self._lose(str(error))  # a restarting API refuses for a moment what it allowed before
            except ApiUnavailable as error:
                if self._lost_ns is None:
                    pause_s = FIRST_PAUSE_S
                self._lose(str(error))
                wait_s = error.retry_after_s
            # Not all watches at once, and never before the server wants to hear of it again.
            self._halt.wait(max(pause_s * random.uniform(0.75, 1.25), wait_s))  # noqa: S311
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _lose(self, reason: str) -> None:
        if self._lost_ns is None:
            self._lost_ns = time.time_ns()
            self.trouble = reason

    def _found(self) -> None:
        """The stream is open: close the gap, which is written when something may have been seen late."""
        if self._lost_ns is not None and self.synced.is_set():
            now_ns = time.time_ns()
            if self._relisted or now_ns - self._lost_ns >= GAP_NS:
                told = self.resource.told
                self._writer.gap(Gap(told, self._lost_ns, now_ns, self._relisted, self.trouble or ""))
        self._lost_ns, self.trouble, self._relisted = None, None, False
        self.synced.set()

    def _list(self) -> None:
        via = "relist" if self._relisted else "list"
        gone = dict(self._known)
        page = {"limit": str(PAGE), **self.resource.params}
        while True:
            answer = self._api.get(self.resource.path, **page)
            for item in answer.get("items") or []:
                gone.pop(item["metadata"]["uid"], None)
                self._take("listed" if via == "list" else "added", item, via)
            more = answer["metadata"].get("continue")
            if not more:
                break
            page["continue"] = more
        for uid, known in gone.items():
            self._drop(uid, known.metadata, known.state, via)
        self._version = answer["metadata"]["resourceVersion"]

    def _follow(self) -> None:
        timeout_s = WATCH_TIMEOUT_S + random.randrange(30)  # noqa: S311 - so that ten watches do not expire at once
        params = self.resource.params
        self._stream = self._api.watch(self.resource.path, self._version or "", timeout_s, **params)
        if self._halt.is_set():
            self._stream.shutdown()
        self._found()
        try:
            for event in self._stream:
                self._handle(event)
        except ApiUnavailable:
            if not self._halt.is_set():
                raise
        finally:
            self._stream = None

    def _handle(self, event: dict[str, Any]) -> None:
        kind, body = event.get("type"), event.get("object") or {}
        if kind == "ERROR":
            text = f"{body.get('code')} {body.get('reason', '')}: {body.get('message', '')}"
            raise ApiGone(text) if body.get("code") == 410 else ApiUnavailable(text)
        metadata = body.get("metadata") or {}
        if kind == "DELETED":
            self._drop(metadata["uid"], metadata, state_of(self.resource.kind, body), "watch")
        elif kind != "BOOKMARK":
            self._take("modified" if metadata["uid"] in self._known else "added", body, "watch")
        self._version = metadata["resourceVersion"]

    def _take(self, event: str, body: dict[str, Any], via: str) -> None:
        """Write the object's state if it is news."""
        kind, metadata = self.resource.kind, body["metadata"]
        uid, version = metadata["uid"], metadata["resourceVersion"]
        known = self._known.get(uid)
        if known is not None and known.resource_version == version:
            return
        state = state_of(kind, body)
        brief = {name: metadata.get(name, "") for name in ("name", "namespace", "uid", "resourceVersion")}
        self._known[uid] = _Known(version, brief, state)
        if known is not None:
            if known.state == state:
                return
            event = "modified"
        extra = {} if known is not None else {"spec": spec_of(kind, body)}
        self._writer.change(
            kind, event, via, brief, api_time=api_time_of(kind, body), state=state,
            **{name: value for name, value in extra.items() if value is not None},
        )  # fmt: skip

    def _drop(self, uid: str, metadata: dict[str, Any], state: dict[str, Any], via: str) -> None:
        """Write a deletion once. Kubernetes forgets Events after an hour: that is no news."""
        if self._known.pop(uid, None) is not None and self.resource.kind != "Event":
            self._writer.change(self.resource.kind, "deleted", via, metadata, api_time=None, state=state)
