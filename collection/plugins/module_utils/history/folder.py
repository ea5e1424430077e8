# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The history as files: <folder>/<scenario>/<run>.json. For one machine that has no etcd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..report.read.record_file import read_text
from ..report.render.files import write
from .entry import HistoryError


class FolderHistory:
    """Entries as text, by scenario and run. OSError of the folder becomes a HistoryError."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        if self._folder.exists() and not self._folder.is_dir():
            raise HistoryError(f"directory: {self._folder} is not a folder")

    def place(self, scenario: str, run: str) -> str:
        """Where an entry is, as people are told."""
        return str(self._folder / scenario / f"{run}.json")

    def read(self, scenario: str = "") -> Iterator[tuple[str, str]]:
        """Yield (place, text) of a scenario's entries, of all scenarios for "", in the order of their names."""
        for path in sorted(self._folder.glob(f"{scenario or '*'}/*.json")):
            yield str(path), read_text(path)

    def find(self, scenario: str, run: str) -> str | None:
        """The text of one entry, None where there is none."""
        path = Path(self.place(scenario, run))
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None

    def store(self, scenario: str, run: str, text: str) -> None:
        """Write one entry, whole or not at all."""
        try:
            write(Path(self.place(scenario, run)), text)
        except OSError as error:
            raise HistoryError(f"directory: {self.place(scenario, run)} cannot be written: {error.strerror}") from error

    def remove(self, scenario: str, run: str) -> None:
        """Remove one entry."""
        try:
            Path(self.place(scenario, run)).unlink()
        except OSError as error:
            raise HistoryError(f"directory: {self.place(scenario, run)} cannot be removed: {error.strerror}") from error
