# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How others follow an experiment, and take over for a step that is theirs: two small files beside its record.

<record>.status.json says what it does now, and what it hears of the cluster (the live lines show it); <record>.go.json
is the answer to a step that the playbook does. Both go with the experiment's end.
"""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Callable

from ..cluster.detached import Running, alive
from .stage import POLL_S, Stage, StepError

STATUS_SUFFIX = ".status.json"
GO_SUFFIX = ".go.json"
#: So many, and so long, that the status can be read in one piece (the live line's FIRST_BYTES).
NEWS, NEWS_LENGTH = 8, 120


@dataclass
class Status:
    """What an experiment does now. `tasks` is the step that waits for the playbook: its index, -1 for none."""

    pid: int
    start_ticks: int
    doing: str = "start"
    tasks: int = -1
    file: str = ""
    #: [number, words] of the latest changes in the cluster, numbered from 1.
    news: list[tuple[int, str]] = field(default_factory=list)


class Desk:
    """The experiment's side."""

    def __init__(self, record: str, process: Running, show: Callable[[str], None] | None = None) -> None:
        self._show = show
        self._path, self._go = Path(record + STATUS_SUFFIX), Path(record + GO_SUFFIX)
        self.status = Status(process.pid, process.start_ticks)
        self._go.unlink(missing_ok=True)
        self._lock = threading.Lock()
        self._heard = 0
        self._put()

    def hear(self, words: str) -> None:
        """What happened in the cluster; called by the recorder's threads."""
        line = f"cluster: {words}"[:NEWS_LENGTH]
        with self._lock:
            self._heard += 1
            self.status.news = [*self.status.news, (self._heard, line)][-NEWS:]
        self._put()
        if self._show is not None:
            self._show(line)

    def tell(self, doing: str) -> None:
        """What it does now."""
        self.status.doing = doing
        self._put()
        if self._show is not None:
            self._show(doing)

    def hand_over(self, stage: Stage, index: int, file: str) -> None:
        """Wait until the playbook has done its step. Raises StepError with its words when it failed, Interrupted."""
        self.status.tasks, self.status.file = index, file
        self._put()
        try:
            while not self._go.exists():
                stage.pause(POLL_S)
            answer = json.loads(self._go.read_text(encoding="utf-8"))
            if answer.get("error"):
                raise StepError(answer["error"])
        finally:
            self._go.unlink(missing_ok=True)
            self.status.tasks, self.status.file = -1, ""
            self._put()

    def close(self) -> None:
        """The experiment has ended: its record tells the rest."""
        self._path.unlink(missing_ok=True)

    def _put(self) -> None:
        with self._lock:
            _write(self._path, asdict(self.status))


def read_status(record: str) -> Status | None:
    """What the experiment with this record does now; None when there is none under way."""
    try:
        return Status(**json.loads(Path(record + STATUS_SUFFIX).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def follow(record: str) -> Status | None:
    """Wait until the experiment asks for the playbook, whose status is returned, or has ended: None."""
    while True:
        status = read_status(record)
        if status is None or not alive(Running(status.pid, status.start_ticks)):
            return None
        if status.tasks >= 0 and not Path(record + GO_SUFFIX).exists():
            return status
        time.sleep(POLL_S)


def go_on(record: str, error: str) -> None:
    """Tell the experiment that its step was done, or why not. One that waits for none is left alone."""
    status = read_status(record)
    if status is not None and status.tasks >= 0:
        _write(Path(record + GO_SUFFIX), {"error": error})


def _write(path: Path, value: dict[str, Any]) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)
