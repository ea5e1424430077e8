from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hello import create_app, main
from lab_workload import Lifecycle, SettingError


@pytest.fixture
def client():
    return create_app("blue", Lifecycle()).test_client()


def test_the_answer_is_the_date_and_the_tag(client):
    answer = client.get("/").get_json()
    assert list(answer) == ["date", "tag"]
    assert list(answer["date"]) == ["year", "month", "day", "hour", "minute", "second", "microsecond"]
    age = datetime.now(timezone.utc) - datetime(**answer["date"], tzinfo=timezone.utc)
    assert timedelta(0) <= age < timedelta(seconds=5)
    assert answer["tag"] == "blue"


def test_the_version_header_is_the_tag(client):
    assert client.get("/").headers["X-Version"] == "blue"


def test_health(client):
    assert client.get("/healthz").status_code == 200


def test_a_missing_tag_is_said(capsys):
    with pytest.raises(SystemExit):
        main([])
    assert "required: tag" in capsys.readouterr().err


def test_a_wrong_port_is_said(monkeypatch):
    monkeypatch.setenv("PORT", "99999")
    with pytest.raises(SettingError, match="PORT='99999': expected a number from 1 to 65535"):
        main(["blue"])
