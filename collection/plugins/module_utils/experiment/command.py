# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The experiment without a playbook: `python -m …experiment PLAN.json` shows a line a second, and its record's path."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..cluster.detached import Running, start_ticks
from ..probe.progress import live_line
from .advice import Advise
from .fields import PlanError
from .handover import Desk
from .plan import parse
from .process import run_here
from .record import SUFFIX as RECORD_SUFFIX

_BAD_PLAN = 64


def main(argv: Sequence[str], advise: Advise) -> int:
    """Exit code: 0 all happened as planned, 1 something failed, 2 inconclusive, 64 the plan cannot be used."""
    parser = argparse.ArgumentParser(
        prog="experiment", description="Runs one plan of an experiment (docs/experiment.md)."
    )
    parser.add_argument("plan", help="the plan, a JSON file; - reads it from standard input")
    parser.add_argument("--check", action="store_true", help="check the plan and say what would be done")
    arguments = parser.parse_args(list(argv))
    try:
        text = sys.stdin.read() if arguments.plan == "-" else Path(arguments.plan).read_text(encoding="utf-8")
        plan = parse(json.loads(text))
    except (OSError, ValueError, PlanError) as error:
        print(f"experiment: {error}", file=sys.stderr)
        return _BAD_PLAN
    if arguments.check:
        print("\n".join(plan.shown()))
        return 0
    Path(plan.record).parent.mkdir(parents=True, exist_ok=True)
    desk = Desk(plan.record, Running(os.getpid(), start_ticks(os.getpid()) or 0), show=_print)
    record = run_here(plan, desk, advise=advise, on_second=lambda summary: _print(live_line(summary)))
    print(plan.record + RECORD_SUFFIX)
    for line in (*record["failures"], *record["problems"]):
        print(line, file=sys.stderr)
    return 1 if record["failures"] else 2 if record["problems"] else 0


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
