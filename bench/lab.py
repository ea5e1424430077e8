#!/usr/bin/env python3
# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What surrounds a measurement: the warm lab, a variant around its load, driver and recorder beside it, marks.

Writes docs/bench-lab.md. Needs the lab, which it brings up; nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "collection/tests/integration")]

from marks import late_ms  # noqa: E402 - the tests hold marks against the watch in the same way
from table import table  # noqa: E402

#: In the load: what the load, the settling and the rollouts take is the experiment, not what is around it.
INSIDE = ("load", "steady", "deploy")
SCENARIOS = ["blue-green", "rolling-update", "scale-down", "guestbook-persistence", "node-drain"]
_TASK = re.compile(r"^(?:\S+ : )?Measure (\S+) -+ ([\d.]+)s$", re.MULTILINE)


def playbook(path: str, *arguments: str) -> tuple[float, str]:
    """(seconds, output) of a playbook with the time of every task. Exits where it fails."""
    command = [str(Path(sys.executable).parent / "ansible-playbook"), path, *arguments]
    times = {
        "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_tasks",
        "PROFILE_TASKS_TASK_OUTPUT_LIMIT": "all",
        "ANSIBLE_FORCE_COLOR": "0",
    }
    begun = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **times}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stdout[-4000:])
    return time.monotonic() - begun, done.stdout


def variants(scenario: str, output: str) -> list[dict[str, Any]]:
    """What surrounded each variant of the scenario's newest run."""
    tasks = {name: float(seconds) for name, seconds in _TASK.findall(output)}
    folder = sorted((ROOT / "results" / scenario).glob("*Z"))[-1]
    rows = []
    for path in sorted(folder.glob("*.experiment.json")):
        record = json.loads(path.read_text())
        inside = sum(record["phases_s"].get(phase, 0.0) for phase in INSIDE)
        rows.append(
            {
                "name": f"{scenario}, {record['variant']}",
                "around_s": tasks[record["variant"]] - inside,
                "inside_s": inside,
                "cpu_percent": record["cpu_percent"],
                "path": path,
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=SCENARIOS, help="which scenarios are run")
    options = parser.parse_args()
    playbook("playbooks/lab.yml")
    warm = [playbook("playbooks/lab.yml")[0] for _unused in range(3)]
    rows = []
    for name in options.scenarios:
        rows += variants(name, playbook(f"playbooks/scenarios/{name}.yml")[1])
    late = late_ms(row["path"] for row in rows)
    moment = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    lines = [
        "# What surrounds a measurement",
        "",
        f"`.venv/bin/python -m bench.lab`, {moment}, {os.cpu_count()} cores that all share.",
        "",
        "## The warm lab",
        "",
        "`playbooks/lab.yml` where nothing changes, as it runs before a scenario: "
        + ", ".join(f"{one:.1f} s" for one in warm)
        + ".",
        "",
        "## Around each variant",
        "",
        "All of a variant's task that is neither load, nor settling, nor the wait for its rollout; and what driver and",
        "recorder together used of a core during the load.",
        "",
        *table(
            ["variant", "around s", "load, settling, rollout s", "driver and recorder, % of a core"],
            [
                [row["name"], f"{row['around_s']:.1f}", f"{row['inside_s']:.1f}", f"{row['cpu_percent']:.2f}"]
                for row in rows
            ],
        ),
        "",
        "## From a mark to the change that it marks",
        "",
        "The mark is the step's call to the API server; the change is when the watch told of it.",
        f"Median {median(late.values()):.0f} ms.",
        "",
        *table(["step", "ms"], [[name, f"{value:.0f}"] for name, value in late.items()]),
        "",
    ]
    (ROOT / "docs/bench-lab.md").write_text("\n".join(lines))
    print("bench: wrote docs/bench-lab.md")


if __name__ == "__main__":
    main()
