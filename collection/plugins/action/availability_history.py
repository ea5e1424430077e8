# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""availability_history runs on the controller, where results and the certificates of etcd's clients are."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.availability.lab.plugins.module_utils.history import history
from ansible_collections.availability.lab.plugins.module_utils.history.entry import NAME, HistoryError, entry_of
from ansible_collections.availability.lab.plugins.module_utils.history.etcd import EtcdHistory
from ansible_collections.availability.lab.plugins.module_utils.history.folder import FolderHistory
from ansible_collections.availability.lab.plugins.module_utils.report.read.record_file import RecordError
from ansible_collections.availability.lab.plugins.module_utils.report.read.result_record import read_result

ARGUMENTS = {
    "operation": {"type": "str", "choices": ["put", "list", "get", "prune"], "required": True},
    "result": {"type": "str"},
    "profile": {"type": "str", "default": ""},
    "scenario": {"type": "str"},
    "run": {"type": "str"},
    "keep": {"type": "int"},
    "older_than": {"type": "str"},
    "directory": {"type": "str"},
    "endpoints": {"type": "list", "elements": "str"},
    "ca_cert": {"type": "str"},
    "client_cert": {"type": "str"},
    "client_key": {"type": "str", "no_log": False},  # a path
}
Json = dict[str, Any]


class ActionModule(ActionBase):
    """Arguments in, calls into module_utils/history, result out."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _result, arguments = self.validate_argument_spec(
            ARGUMENTS,
            mutually_exclusive=[["directory", "endpoints"]],
            required_one_of=[["directory", "endpoints"]],
            required_together=[["client_cert", "client_key"]],
            required_if=[
                ["operation", "put", ["result"]],
                ["operation", "get", ["scenario"]],
                ["operation", "prune", ["keep", "older_than"], True],
            ],
        )
        for name in ("scenario", "run"):
            if arguments[name] and not NAME.fullmatch(arguments[name]):
                raise AnsibleActionFail(f"{name} is {arguments[name]!r}, expected a name without slashes and spaces")
        try:
            operation = self._operations()[arguments["operation"]]
            return operation(self._store(arguments), arguments)
        except RecordError as error:
            option = "result" if arguments["operation"] == "put" else "history"
            raise AnsibleActionFail(f"{option}: {error}") from error
        except HistoryError as error:
            raise AnsibleActionFail(str(error)) from error

    def _operations(self) -> dict[str, Callable[[history.Store, Json], Json]]:
        return {"put": self._put, "list": self._list, "get": self._get, "prune": self._prune}

    def _store(self, arguments: Json) -> history.Store:
        if arguments["endpoints"] is None:
            return FolderHistory(self._loader.path_dwim(arguments["directory"]))
        if not arguments["endpoints"]:
            raise AnsibleActionFail("endpoints: expected at least one URL, such as https://127.0.0.1:2379")
        files = [
            self._loader.path_dwim(arguments[name]) if arguments[name] else None
            for name in ("ca_cert", "client_cert", "client_key")
        ]
        return EtcdHistory(arguments["endpoints"], *files)

    def _put(self, store: history.Store, arguments: Json) -> Json:
        entry = entry_of(read_result(self._loader.path_dwim(arguments["result"])), arguments["profile"])
        done = history.put(store, entry, self._task.check_mode)
        diff = {"before": done.before, "after": done.after, "before_header": done.place, "after_header": done.place}
        return {"changed": done.changed, "entry": entry, **({"diff": diff} if self._task.diff else {})}

    def _list(self, store: history.Store, arguments: Json) -> Json:
        found = history.entries(store, arguments["scenario"] or "", arguments["profile"])
        return {"changed": False, "entries": found}

    def _get(self, store: history.Store, arguments: Json) -> Json:
        entry = history.get(store, arguments["scenario"], arguments["run"] or "", arguments["profile"])
        return {"changed": False, "entry": entry}

    def _prune(self, store: history.Store, arguments: Json) -> Json:
        keep, older_than = arguments["keep"], arguments["older_than"]
        if keep is not None and keep < 0:
            raise AnsibleActionFail(f"keep is {keep}, expected 0 or more")
        before_ns = None if older_than is None else time.time_ns() - history.age_s(older_than) * 10**9
        found = history.entries(store, arguments["scenario"] or "", arguments["profile"])
        doomed = history.outdated(found, keep, before_ns)
        history.prune(store, doomed, self._task.check_mode)
        names = [f"{entry['scenario']}/{entry['run']}" for entry in doomed]
        diff = {"before": "".join(f"{name}\n" for name in names), "after": ""}
        return {"changed": bool(doomed), "removed": names, **({"diff": diff} if self._task.diff else {})}
