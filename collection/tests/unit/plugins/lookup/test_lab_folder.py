# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The lab's folders here and elsewhere: this machine's environment has no say on another host."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.availability.lab.plugins.lookup.lab_folder import LookupModule

HERE: dict[str, Any] = {"ansible_connection": "local", "ansible_facts": {"user_dir": "/home/elsewhere"}}
THERE: dict[str, Any] = {"inventory_hostname": "lab-1", "ansible_facts": {"user_dir": "/home/operator"}}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_STATE_HOME", "/data/state")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)


def found(kind: str, variables: dict[str, Any], **options: Any) -> str:
    templar = Templar(loader=DataLoader(), variables=variables)
    lookup = LookupModule(loader=DataLoader(), templar=templar)
    (path,) = lookup.run([kind], variables, **options)
    return path


def test_this_machine_follows_its_environment() -> None:
    assert found("state", HERE) == "/data/state/availability-lab"
    assert found("cache", HERE) == "/home/me/.cache/availability-lab"


def test_another_host_has_its_own_home() -> None:
    assert found("state", THERE) == "/home/operator/.local/state/availability-lab"
    assert found("cache", THERE) == "/home/operator/.cache/availability-lab"


def test_the_controllers_folder_is_told_of_any_host() -> None:
    assert found("state", THERE, controller=True) == "/data/state/availability-lab"


def test_a_connection_may_be_a_template() -> None:
    assert (
        found("cache", {"ansible_connection": trust_as_template("{{ how }}"), "how": "local"})
        == "/home/me/.cache/availability-lab"
    )


def test_a_host_without_facts_is_named() -> None:
    with pytest.raises(AnsibleLookupError, match=r"lab-1.*facts"):
        found("state", {"inventory_hostname": "lab-1"})


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(AnsibleLookupError, match=r"'sate'.*state or cache"):
        found("sate", HERE)
