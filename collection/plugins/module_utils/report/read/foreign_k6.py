# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""k6's own results as probe records: `--out json=FILE` (every request) and `--summary-export FILE` (sums only)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ...probe.confidence import share
from .foreign_record import Request, empty_record, record_of
from .record_file import RecordError, line_of

Json = dict[str, Any]
REQUESTS_NOTE = (
    "k6 --out json: latency is http_req_duration, from sending to the last byte, without looking up, connecting "
    "and TLS; iterations that k6 dropped count as not sent"
)
SUMMARY_NOTE = (
    "k6 --summary-export: sums only, so there is no timeline and no outage; http_req_duration of all requests"
)
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


def is_output(first: Any) -> bool:
    """Whether the first line's object is one of k6's JSON output."""
    return isinstance(first, dict) and first.get("type") in ("Metric", "Point") and "metric" in first


def is_summary(value: Any) -> bool:
    """Whether the object is k6's summary export."""
    return isinstance(value, dict) and isinstance(value.get("metrics"), dict) and "root_group" in value


def read_output(path: str | Path, text: str) -> Json:
    """The record of a k6 JSON output. Raises RecordError: a line that is not one of k6's, or no request."""
    found: list[tuple[int, int, str, str]] = []  # end and latency in ns, outcome, detail
    dropped: list[int] = []
    lines = text.split("\n")
    for number, line in enumerate(lines[:-1], start=1):  # a last line without its end was cut off
        if '"Point"' not in line or ('"http_req_duration"' not in line and '"dropped_iterations"' not in line):
            continue
        try:
            point = json.loads(line)
            data = point["data"]
            at_ns = _unix_ns(data["time"])
            if point["metric"] == "http_req_duration":
                found.append((at_ns, round(data["value"] * 1e6), *_outcome(data["tags"])))
            elif point["metric"] == "dropped_iterations":
                dropped += [at_ns] * int(data["value"])
        except (ValueError, KeyError, TypeError) as error:
            raise RecordError(path, number, f"not a point of k6's JSON output ({error})") from error
    if not found and not dropped:
        raise RecordError(path, len(lines), "k6's JSON output has no http_req_duration: no request was made")
    start_ns = min([end - latency for end, latency, _unused, _unused in found] + dropped)
    requests = [Request(end - latency - start_ns, latency, outcome, detail) for end, latency, outcome, detail in found]
    requests += [Request(at_ns - start_ns, 0, "not_sent", "dropped_iterations: no free VU") for at_ns in dropped]
    return record_of("k6 --out json", REQUESTS_NOTE, start_ns, requests)


def read_summary(path: str | Path, text: str, value: Mapping[str, Any], ended_unix_ns: int) -> Json:
    """The record of a k6 summary export, which tells no times: it is taken to have ended at `ended_unix_ns`.

    Raises RecordError: no http_reqs, http_req_duration or http_req_failed.
    """
    metrics = value["metrics"]
    try:
        count, rate = int(metrics["http_reqs"]["count"]), float(metrics["http_reqs"]["rate"])
        failed = int(metrics["http_req_failed"]["passes"])  # k6 counts a failed request as a "pass" of this rate
        durations = metrics["http_req_duration"]
        dropped = int(metrics.get("dropped_iterations", {}).get("count", 0))
        latency = _summary_latency(durations, count)
    except (KeyError, TypeError, ValueError) as error:
        line = line_of(text, "metrics")
        raise RecordError(
            path, line, f"k6's summary lacks {error}: no request was made, or not with k6/http"
        ) from error
    elapsed_s = count / rate if rate else 0.0
    record = empty_record("k6 --summary-export", SUMMARY_NOTE, ended_unix_ns - int(elapsed_s * 1e9), elapsed_s)
    good = count - failed
    outcomes = {"ok": good, "wrong_status": failed, "not_sent": dropped}
    examples = {"ok": "k6 expected it", "wrong_status": "http_req_failed, for whatever reason", "not_sent": "dropped"}
    totals = record["totals"]
    totals.update(due=count + dropped, sent=count, completed=good, failed=failed, not_sent=dropped, latency=latency)
    totals["outcomes"] = {
        name: {"count": number, "first_s": 0.0, "last_s": elapsed_s, "example": examples[name]}
        for name, number in outcomes.items()
        if number
    }
    totals["availability"] = {"planned": share(good, count + dropped), "sent": share(good, count), "time": share(0, 0)}
    record["objectives"] = _thresholds(metrics, count)
    if any(objective["verdict"] == "fail" for objective in record["objectives"]):
        record["verdict"] = "fail"
        record["reasons"] = [one["reason"] for one in record["objectives"] if one["reason"]]
    return record


def _summary_latency(durations: Mapping[str, Any], count: int) -> Json:
    """A histogram without buckets: its percentiles are k6's, and it can be joined with no other."""
    return {
        "unit": "ns",
        "sub_bucket_bits": 11,
        "count": count,
        "sum_ns": round(durations["avg"] * 1e6 * count),
        "min_ns": round(durations["min"] * 1e6),
        "max_ns": round(durations["max"] * 1e6),
        "buckets": [],
        "mean_ms": durations["avg"],
        "p50_ms": durations.get("med"),
        "p90_ms": durations.get("p(90)"),
        "p95_ms": durations.get("p(95)"),
        "p99_ms": durations.get("p(99)"),
        "p999_ms": durations.get("p(99.9)"),
    }


def _thresholds(metrics: Mapping[str, Any], count: int) -> list[Json]:
    """k6's thresholds as objectives. In this file true means that the threshold was crossed."""
    return [
        {
            "text": f"{name}: {text}",
            "metric": name,
            "scope": {},
            "operator": "<",
            "limit": 0.0,
            "unit": "",
            "value": None,
            "samples": count,
            "verdict": "fail" if crossed else "pass",
            "reason": f"k6's threshold {text} of {name} was crossed" if crossed else "",
        }
        for name, metric in metrics.items()
        if isinstance(metric, dict)
        for text, crossed in metric.get("thresholds", {}).items()
    ]


def _outcome(tags: Mapping[str, str]) -> tuple[str, str]:
    code = str(tags.get("error_code", ""))
    if not code and tags.get("expected_response") != "false":
        return "ok", f"status {tags.get('status')}"
    outcome = next(
        (name for prefix, name in OUTCOMES if code.startswith(prefix)), "malformed" if code else "wrong_status"
    )
    status = tags.get("status", "0")
    return outcome, f"status {status}" if status != "0" else f"{tags.get('error', '')} (k6 error {code})"


def _unix_ns(text: str) -> int:
    """RFC 3339 with up to nine digits of a second."""
    whole, _unused, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :] if digits else ""
    moment = datetime.fromisoformat((whole + zone).replace("Z", "+00:00"))
    return int(moment.astimezone(timezone.utc).timestamp()) * 1_000_000_000 + int((digits + "0" * 9)[:9])
