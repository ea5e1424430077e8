from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.availability.lab.plugins.module_utils.host import release_asset
from ansible_collections.availability.lab.plugins.module_utils.host.download import DownloadError
from ansible_collections.availability.lab.plugins.modules import toolchain_download

SUMS = {"amd64": "1" * 64, "arm64": "1" * 64}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs the module with a network that serves any address ending in /tool and nothing else; gives its answer."""

    def fetch(url: str, destination: Path, _sha256: str, _timeout_s: float) -> int:
        if not url.endswith("/tool"):
            raise DownloadError(f"{url}: the server answers 404 Not Found")
        return destination.write_bytes(b"binary")

    monkeypatch.setattr(release_asset, "fetch", fetch)

    def call(**asset: Any) -> dict[str, Any]:
        check_mode = asset.pop("check_mode", False)
        described = {"binary": "tool", "url": "http://127.0.0.1/{version}/tool", "sha256": SUMS, **asset}
        tool = {"name": "tool", "version": "v1", "assets": [described]}
        options = {"tools": [tool], "cache_dir": str(tmp_path / "cache")}
        with patch_module_args({**options, "_ansible_check_mode": check_mode}), pytest.raises(SystemExit):
            toolchain_download.main()
        return json.loads(capsys.readouterr().out)

    return call


def test_predicts_fetches_and_finds(run, tmp_path: Path) -> None:
    predicted = run(check_mode=True)
    assert (predicted["changed"], predicted["tools"][0]["why"]) == (True, "not in the cache")
    assert not (tmp_path / "cache").exists()
    fetched = run()
    assert fetched["changed"] is True
    assert fetched["tools"][0]["made"]["assets"][0]["url"] == "http://127.0.0.1/v1/tool"
    assert Path(fetched["paths"]["tool"]).read_bytes() == b"binary"
    assert run()["changed"] is False


def test_errors_name_tool_version_and_variable(run) -> None:
    refused = run(url="http://127.0.0.1/none", address_variable="toolchain_mirror_tool")
    assert refused["msg"] == (
        "tool v1: http://127.0.0.1/none: the server answers 404 Not Found (the address is set by toolchain_mirror_tool)"
    )
    assert "unverified is not accepted" in run(sha256={})["msg"]
    assert "expected either binary or members" in run(members={"tool": "x"})["msg"]
