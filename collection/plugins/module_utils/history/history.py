# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the history can do, whatever keeps it: put, list, get, prune."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .entry import HistoryError, parse_entry, to_text

Json = dict[str, Any]
_AGE = re.compile(r"(\d+)\s*(s|m|h|d|w)")
_AGE_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Store(Protocol):
    """Entries as text, by scenario and run."""

    def place(self, scenario: str, run: str) -> str: ...
    def read(self, scenario: str = "") -> Iterator[tuple[str, str]]: ...
    def find(self, scenario: str, run: str) -> str | None: ...
    def store(self, scenario: str, run: str, text: str) -> None: ...
    def remove(self, scenario: str, run: str) -> None: ...


@dataclass(frozen=True)
class Put:
    """What a put did, or would do: the entry's text before ("" for none) and after."""

    place: str
    before: str
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after


def put(store: Store, entry: Json, check_mode: bool = False) -> Put:
    """Store one run. The same run again changes nothing; a report that was made anew replaces its entry."""
    scenario, run = entry["scenario"], entry["run"]
    done = Put(store.place(scenario, run), store.find(scenario, run) or "", to_text(entry))
    if done.changed and not check_mode:
        store.store(scenario, run, done.after)
    return done


def entries(store: Store, scenario: str = "", profile: str = "") -> list[Json]:
    """All entries of a scenario and profile, the oldest first; "" means any.

    Raises RecordError: one of them cannot be read. It names the file or key, so that somebody can remove it.
    """
    found = [parse_entry(place, text) for place, text in store.read(scenario)]
    wanted = [entry for entry in found if profile in ("", entry["profile"])]
    return sorted(wanted, key=lambda entry: (entry["started_unix_ns"], entry["scenario"]))


def get(store: Store, scenario: str, run: str = "", profile: str = "") -> Json:
    """One entry; the newest of the scenario (and profile) without a run. Raises HistoryError: there is none."""
    if run:
        text = store.find(scenario, run)
        if text is None:
            raise HistoryError(f"run: there is no {store.place(scenario, run)}")
        return parse_entry(store.place(scenario, run), text)
    found = entries(store, scenario, profile)
    if not found:
        of_profile = f" of profile {profile}" if profile else ""
        raise HistoryError(f"scenario: the history has no run of {scenario}{of_profile}")
    return found[-1]


def prune(store: Store, doomed: Sequence[Json], check_mode: bool = False) -> None:
    """Remove entries, as outdated() chose them."""
    for entry in doomed if not check_mode else ():
        store.remove(entry["scenario"], entry["run"])


def outdated(found: Sequence[Json], keep: int | None, before_unix_ns: int | None) -> list[Json]:
    """The entries to remove: all but the newest `keep` of each scenario and profile, or those that began before a time.

    Where both are given an entry has to be surplus and old: the newest `keep` are never removed.
    """
    groups: dict[tuple[str, str], list[Json]] = {}
    for entry in found:
        groups.setdefault((entry["scenario"], entry["profile"]), []).append(entry)
    doomed = []
    for members in groups.values():
        newest_first = sorted(members, key=lambda entry: -int(entry["started_unix_ns"]))
        for entry in newest_first[keep or 0 :]:
            if before_unix_ns is None or entry["started_unix_ns"] < before_unix_ns:
                doomed.append(entry)
    return sorted(doomed, key=lambda entry: int(entry["started_unix_ns"]))


def age_s(text: str) -> int:
    """Seconds of an age such as 30d. Raises HistoryError: it is none."""
    found = _AGE.fullmatch(text.strip())
    if not found:
        raise HistoryError(f"older_than is {text!r}, expected a number with s, m, h, d or w, such as 30d")
    return int(found[1]) * _AGE_S[found[2]]
