from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.availability.lab.plugins.module_utils.host.sources import Look
from ansible_collections.availability.lab.plugins.modules import install_source_info


def answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], looks: list[Look]) -> dict[str, Any]:
    monkeypatch.setattr(install_source_info, "look_around", lambda **_unused: looks)
    with patch_module_args({"upstream_addresses": ["http://127.0.0.1:1"]}), pytest.raises(SystemExit):
        install_source_info.main()
    return json.loads(capsys.readouterr().out)


def test_the_source_that_answers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    got = answer(monkeypatch, capsys, [Look("upstream", "a", "refused"), Look("packages", "pip", None)])
    assert got["source"] == "packages"
    assert got["looks"][0] == {"source": "upstream", "what": "a", "failure": "refused"}


def test_none_is_an_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    got = answer(monkeypatch, capsys, [Look("upstream", "a", "refused"), Look("packages", "pip", "no route")])
    assert got["failed"]
    assert "pip: no route" in got["msg"]
