# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""k6's `--out json=FILE`, one point a line, as a probe record with every request. Its summaries: foreign_k6_summary."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .foreign_errors import GOOD, outcome_of
from .foreign_file import ForeignFile, unix_ns_of
from .foreign_record import Request, cut_off, record_of_dated, whole_ns

Json = dict[str, Any]
NOTE = (
    "k6 --out json: latency is http_req_duration, from sending to the last byte, without looking up, connecting "
    "and TLS; iterations that k6 dropped count as not sent"
)
METRICS = ("http_req_duration", "http_req_failed", "dropped_iterations")
# k6's error codes (lib/netext/httpext/error_codes.go), the longest prefix first
OUTCOMES = (
    ("1050", "timeout_headers"),
    ("1211", "timeout_connecting"),
    ("1212", "refused"),
    ("1220", "reset"),
    ("1201", "reset"),
    ("121", "unreachable"),
    ("11", "dns"),
    ("12", "reset"),
    ("13", "tls"),
    ("14", "wrong_status"),
    ("15", "wrong_status"),
    ("16", "reset"),
)


@dataclass
class _Points:
    """What the lines told so far. failed: time and tags of a request -> whether it failed, in k6's order."""

    requests: list[tuple[int, int, int, Json, str]] = field(default_factory=list)  # line, end, latency, tags, key
    failed: dict[str, deque[bool]] = field(default_factory=lambda: defaultdict(deque))
    dropped: list[int] = field(default_factory=list)

    def take(self, number: int, point: Json) -> None:
        data, metric = point["data"], point["metric"]
        at_ns = unix_ns_of(data["time"])
        tags = data.get("tags") or {}
        key = "" if "expected_response" in tags else f"{at_ns} {sorted(tags.items())}"
        if metric == "http_req_duration":
            self.requests.append((number, at_ns, whole_ns(data["value"], 1e6), tags, key))
        elif metric == "http_req_failed" and key:
            self.failed[key].append(bool(data["value"]))
        elif metric == "dropped_iterations":
            self.dropped += [at_ns] * int(data["value"])


def recognises(file: ForeignFile) -> bool:
    """Whether the first line is one of k6's JSON output."""
    first = file.first
    return isinstance(first, dict) and first.get("type") in ("Metric", "Point") and "metric" in first


def reads(file: ForeignFile) -> Json:
    """The record. A last line without its end was cut off, which makes the record incomplete.

    Raises RecordError: a line that is not one of k6's, no request, or one of which nothing tells whether it failed.
    """
    points = _Points()
    number = 1
    for number, line in file.lines():
        if '"Point"' not in line or not any(f'"{metric}"' in line for metric in METRICS):
            continue
        try:
            points.take(number, json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise file.error(f"not a point of k6's JSON output ({error})", number) from error
    requests = _judged(file, points)
    requests += [Request(at_ns, 0, "not_sent", "dropped_iterations: no free VU") for at_ns in points.dropped]
    if not requests:
        raise file.error("k6's JSON output has no http_req_duration: no request was made", number + 1)
    record = record_of_dated("k6 --out json", NOTE, requests)
    return cut_off(record) if file.cut else record


def _judged(file: ForeignFile, points: _Points) -> list[Request]:
    """The requests, each from its begin: k6 dates a point by the request's end."""
    found = []
    for number, at_ns, latency_ns, tags, key in points.requests:
        failed = _failed(tags, points.failed.get(key))
        if failed is None:
            if file.cut and number == points.requests[-1][0]:
                continue  # what would tell is in the part that was cut off
            raise file.error(
                "no tag of k6's JSON output tells whether this request failed: expected expected_response or status "
                "among its systemTags, or http_req_failed of the same time and tags",
                number,
            )
        found.append(Request(at_ns - latency_ns, latency_ns, *_outcome(tags, failed)))
    return found


def _failed(tags: Mapping[str, str], told: deque[bool] | None) -> bool | None:
    """Whether k6 took a request as failed; None where nothing tells.

    k6's own judgement first, as the script has defined it: the tag, or the point beside it where the tag is left out.
    Without both by what k6 expects unless it is told otherwise. An error_code alone tells nothing good or bad: k6 gives
    one to every status of 400 and more, expected or not.
    """
    if tags.get("expected_response") in ("true", "false"):
        return tags["expected_response"] == "false"
    if told:
        return told.popleft()
    status = str(tags.get("status", ""))
    if status.isdigit():
        return int(status) not in GOOD
    return True if tags.get("error_code") or tags.get("error") else None


def _outcome(tags: Mapping[str, str], failed: bool) -> tuple[str, str]:
    status = str(tags.get("status") or "")
    said = f"status {status}" if status not in ("", "0") else ""
    if not failed:
        return "ok", said or "k6 expected it"
    code = str(tags.get("error_code") or "")
    error = str(tags.get("error") or "")
    known = next((name for prefix, name in OUTCOMES if code.startswith(prefix)), None)
    # Without a known code a request with a status was answered, and one of status 0 was not.
    outcome = known or (outcome_of(error) if code or error or status == "0" else "wrong_status")
    return outcome, said or f"{error or 'http_req_failed'} (k6 error {code or 'not recorded'})"
