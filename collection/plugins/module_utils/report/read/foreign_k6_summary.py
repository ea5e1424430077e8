# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""k6's summaries as probe records, in the three forms that it has.

- `--summary-export FILE`: a metric's values stand beside its thresholds, where true means crossed.
- `JSON.stringify(data)` in the script's handleSummary, and `--summary-export` with
  `--new-machine-readable-summary`: values below `values`, thresholds as {ok: …}, the duration in `state`.
- the object that handleSummary is given with that flag (k6 1.5 and later): metrics as a list below `results`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .foreign_file import ForeignFile, unix_ns_of
from .foreign_sums import Sums, record_of_sums, told_latency
from .record_file import RecordError, line_of

Json = dict[str, Any]
NOTE = "sums only, so there is no timeline and no outage; http_req_duration of all requests"
NEW_NOTE = f"{NOTE}; this form of the summary has no thresholds"
STATISTICS = {
    "mean": "avg", "min": "min", "max": "max",
    "p50": "med", "p90": "p(90)", "p95": "p(95)", "p99": "p(99)", "p999": "p(99.9)",
}  # fmt: skip


def recognises(file: ForeignFile) -> bool:
    """Whether it is one of k6's summaries."""
    value = file.document
    return isinstance(value, dict) and (
        (isinstance(value.get("metrics"), dict) and "root_group" in value) or _is_new(value)
    )


def reads(file: ForeignFile) -> Json:
    """The record. It ended when the summary says so, or else when the file was written.

    Raises RecordError: a summary without http_reqs, http_req_failed or http_req_duration, or with impossible figures.
    """
    try:
        return _read(file)
    except RecordError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        line = line_of(file.text, "metrics")
        problem = f"k6's summary lacks {error}: no request was made, or not with k6/http"
        if not isinstance(error, KeyError):
            problem = f"k6's summary is not as k6 writes it ({error})"
        raise file.error(problem, line) from error


def _is_new(value: Json) -> bool:
    results = value.get("results")
    return isinstance(results, dict) and isinstance(results.get("metrics"), list) and "config" in value


def _read(file: ForeignFile) -> Json:
    value = file.document
    new = _is_new(value)
    metrics = {one["name"]: one for one in value["results"]["metrics"]} if new else value["metrics"]
    count = int(_values(metrics["http_reqs"])["count"])
    good, failed = _judged(file, metrics, count)
    duration = _values(metrics["http_req_duration"])
    statistics = {name: duration.get(key) for name, key in STATISTICS.items()}
    if "med" not in duration:
        statistics["p50"] = duration.get("p(50)")
    dropped = int(_values(metrics.get("dropped_iterations", {})).get("count", 0))
    unknown = count - good - failed
    sums = Sums(
        engine="k6 new summary" if new else "k6 summary" if "state" in value else "k6 --summary-export",
        note=(NEW_NOTE if new else NOTE) + _unknown_percentiles(statistics),
        ended_unix_ns=unix_ns_of(value["metadata"]["generatedAt"]) if new else file.written_unix_ns,
        elapsed_s=_elapsed_s(value, metrics, count),
        outcomes={
            "ok": (good, "k6 expected it"),
            "wrong_status": (failed, "http_req_failed, for whatever reason"),
            "not_sent": (dropped + unknown, "not judged: no response callback" if unknown else "dropped"),
        },
        latency=told_latency(count, statistics),
    )
    record = record_of_sums(sums)
    if new:
        record["engine"]["version"] = str(value["metadata"].get("k6Version", ""))
    record["objectives"] = _thresholds(metrics, count)
    return record


def _values(metric: Any) -> Json:
    values: Json = metric.get("values", metric)
    return values


def _judged(file: ForeignFile, metrics: Mapping[str, Any], count: int) -> tuple[int, int]:
    """How many requests k6 took as good and as failed; those that it did not judge are neither."""
    if "http_req_failed" not in metrics and "http_req_duration" in metrics:
        raise file.error(
            "k6's summary lacks 'http_req_failed': it is older than k6 0.31, or the script has switched the metric off "
            "(setResponseCallback), so which requests failed is not known",
            line_of(file.text, "metrics"),
        )
    rate = _values(metrics["http_req_failed"])
    # A failed request is a "pass" of this rate, and a "match" in the new form.
    failed = int(rate["matches"] if "matches" in rate else rate["passes"])
    total = int(rate["total"]) if "total" in rate else failed + int(rate["fails"])
    if not 0 <= failed <= total <= count:
        raise ValueError(f"{failed} of {total} requests failed, but http_reqs counts {count}")
    return total - failed, failed


def _elapsed_s(value: Json, metrics: Mapping[str, Any], count: int) -> float:
    if "config" in value:
        return float(value["config"]["duration"])
    if "testRunDurationMs" in value.get("state", {}):
        return float(value["state"]["testRunDurationMs"]) / 1000
    rate = float(_values(metrics["http_reqs"])["rate"])
    return count / rate if rate else 0.0


def _unknown_percentiles(statistics: Mapping[str, Any]) -> str:
    """k6 writes what summaryTrendStats names."""
    unknown = [name for name, value in statistics.items() if value is None and name not in ("p99", "p999")]
    return f"; not in the summary, by its summaryTrendStats: {', '.join(unknown)}" if unknown else ""


def _thresholds(metrics: Mapping[str, Any], count: int) -> list[Json]:
    """k6's thresholds as objectives."""
    return [
        _objective(name, text, crossed, count)
        for name, metric in metrics.items()
        if isinstance(metric, dict)
        for text, said in (metric.get("thresholds") or {}).items()
        for crossed in [not said["ok"] if isinstance(said, dict) else bool(said)]
    ]


def _objective(name: str, text: str, crossed: bool, count: int) -> Json:
    return {
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
