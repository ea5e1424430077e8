# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""siege's last words as a probe record: the text that it prints, or its `--json-output`."""

from __future__ import annotations

import re
from typing import Any

from .foreign_file import ForeignFile
from .foreign_sums import Sums, record_of_sums, told_latency

Json = dict[str, Any]
NOTE = (
    "siege: sums only, so there is no timeline and no outage, nor any percentile; latencies are rounded as siege does. "
    "siege's availability takes 4xx as a success, this record only its successful transactions; that an answer broke "
    "off siege does not see"
)
NAMES = ("transactions", "elapsed_time", "response_time", "successful_transactions", "failed_transactions",
         "longest_transaction", "shortest_transaction")  # fmt: skip
_TRANSACTIONS = re.compile(r"^ *Transactions:\s+\d+ hits", re.MULTILINE)
_LINE = re.compile(r"^ *([A-Z][a-z]+(?: [a-z]+)?):\s*([\d.]+)(?: +([a-z]+))?\s*$", re.MULTILINE)


def recognises(file: ForeignFile) -> bool:
    """Whether it holds siege's sums."""
    return "transactions" in (_document(file) or {}) or _TRANSACTIONS.search(file.text) is not None


def reads(file: ForeignFile) -> Json:
    """The record, which ended when the file was written. Raises RecordError: a figure is missing or impossible."""
    value = _document(file)
    seconds = _of_text(file.text) if value is None else {name: float(number) for name, number in value.items()}
    missing = [name for name in NAMES if name not in seconds]
    if missing:
        raise file.error(f"siege's sums lack {', '.join(missing)}")
    answered, good = int(seconds["transactions"]), int(seconds["successful_transactions"])
    if good > answered:
        raise file.error(f"siege counts {answered} transactions, but {good} successful ones")
    # A status of 4xx makes a transaction that is not successful; 5xx and no answer are failed ones and no transactions.
    return record_of_sums(
        Sums(
            engine="siege",
            note=NOTE,
            ended_unix_ns=file.written_unix_ns,
            elapsed_s=seconds["elapsed_time"],
            outcomes={
                "ok": (good, "status below 400"),
                "wrong_status": (answered - good, "answered, but not successful"),
                "malformed": (
                    int(seconds["failed_transactions"]),
                    "failed transactions: 5xx or no answer",
                ),
            },
            latency=told_latency(
                answered,
                {
                    "mean": seconds["response_time"] * 1e3,
                    "min": seconds["shortest_transaction"] * 1e3,
                    "max": seconds["longest_transaction"] * 1e3,
                },
            ),
        )
    )


def _document(file: ForeignFile) -> Json | None:
    """siege's JSON; its first run writes a note for people before it."""
    if '"failed_transactions"' not in file.text:
        return None
    value = ForeignFile(file.path, file.content[file.content.find(b"{") :], 0).document
    return value if isinstance(value, dict) else None


def _of_text(text: str) -> dict[str, float]:
    """By the names that the JSON has; times in seconds, which newer versions print in ms."""
    return {
        name.lower().replace(" ", "_"): float(number) / (1000 if unit == "ms" else 1)
        for name, number, unit in _LINE.findall(text)
    }
