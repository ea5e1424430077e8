# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How punctual the arrivals of a constant rate are, seen from the server."""

from __future__ import annotations

from typing import Any

from arrivals import ArrivalLogger, lateness_ns, quantiles
from figures import middle
from load import Load, measure
from setting import Setting
from table import number, table, verdict

RATES = (1_000, 5_000, 20_000)
NAMES = ("ours", "vegeta", "oha", "k6")
SKIP_S = 0.5
ACHIEVED = 0.999


def run(setting: Setting) -> dict[str, Any]:
    """rate -> client -> medians over the rounds of the lateness in ms, and the logger's own delay in ms."""
    results: dict[str, Any] = {}
    for rate in RATES:
        measured: dict[str, list[dict[str, float | None]]] = {name: [] for name in NAMES}
        for _ in range(setting.rounds):
            for name in NAMES:
                measured[name].append(_one(setting, name, rate))
        results[str(rate)] = {
            name: {key: middle(run[key] for run in runs) for key in runs[0]} for name, runs in measured.items()
        }
    return results


def _one(setting: Setting, name: str, rate: int) -> dict[str, float | None]:
    """One client at one rate against a fresh logger."""
    with ArrivalLogger(setting.server_core) as logger:
        said = measure(setting.client(name), Load(logger.url, seconds=setting.seconds, rate=rate), setting.client_core)
        arrived, delay = logger.take()
    ordered = lateness_ns(arrived, rate, SKIP_S)
    return {
        # A client that is so slow that nothing of it is left to count has no lateness, not one of 0.
        **{key: value / 1e6 if ordered else None for key, value in quantiles(ordered).items()},
        "achieved": len(arrived) / (rate * setting.seconds),
        "failed": sum(said.bad.values()),
        "cpu_us": said.cpu_us,
        "logger_p99": delay["p99"] / 1e6,
    }


def render(results: dict[str, Any]) -> list[str]:
    """One table a rate, and under each the goals."""
    lines: list[str] = []
    for rate, clients in results.items():
        rows = [
            [
                name,
                *(number(row[key], 3) for key in ("p50", "p90", "p99", "max")),
                f"{100 * row['achieved']:.2f} %",
                number(row["failed"], 0),
                number(row["cpu_us"], 1),
                number(row["logger_p99"], 3),
            ]
            for name, row in clients.items()
        ]
        heads = ["lateness in ms", "p50", "p90", "p99", "max", "achieved", "failed", "CPU µs a request"]
        lines += [f"### {int(rate):,} requests/s", "", *table([*heads, "logger's delay p99"], rows), ""]
        lines += [*_goals(clients), ""]
    return lines


def _goals(clients: dict[str, Any]) -> list[str]:
    ours = clients["ours"]
    goals = [f"- achieved ≥ 99.9 %: {verdict(ours['achieved'] >= ACHIEVED)}"]
    for key in ("p50", "p90"):
        goals.append(_compared(f"{key} at most a fifth of vegeta's", ours[key], clients["vegeta"][key], 0.2))
    others = {name: row["p99"] for name, row in clients.items() if name != "ours" and row["p99"] is not None}
    best = min(others, key=lambda name: others[name], default="vegeta")
    goals.append(_compared(f"p99 at most that of the best other ({best})", ours["p99"], others.get(best), 1.0))
    return goals


def _compared(text: str, ours: float | None, other: float | None, most: float) -> str:
    if ours is None or not other:
        return f"- {text}: not measured"
    return f"- {text}: {ours / other:.2f} of it, {verdict(ours / other <= most)}"
