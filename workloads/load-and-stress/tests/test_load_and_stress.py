from __future__ import annotations

import time

import pytest
from lab_workload import Lifecycle
from load_and_stress.app import create_app
from load_and_stress.burn import burn
from load_and_stress.insight import MASK, masked
from load_and_stress.stresses import Stresses


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", __file__.rsplit("/tests/", 1)[0])  # the child finds its module as in the image
    stresses = Stresses(limit=2)
    yield create_app(stresses, Lifecycle(), default_seconds=30).test_client()
    for stress in stresses.list():
        stresses.cancel(stress["id"])


def wait_for(client, number, state):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        status = client.get(f"/stress/{number}").get_json()
        if status["state"] == state:
            return status
        time.sleep(0.05)
    raise AssertionError(f"stress {number} is {status['state']}, not {state}")


def test_stress_returns_at_once_and_ends_by_itself(client):
    began = time.monotonic()
    answer = client.get("/stress?seconds=0.2")
    assert time.monotonic() - began < 2
    assert answer.status_code == 202
    status = answer.get_json()
    assert (status["id"], status["seconds"]) == (1, 0.2)
    assert status["hostname"]
    wait_for(client, 1, "done")


def test_without_seconds_it_takes_the_setting(client):
    assert client.post("/stress").get_json()["seconds"] == 30


def test_no_more_run_than_may_and_a_cancelled_one_makes_room(client):
    assert [client.get("/stress").status_code for _ in range(3)] == [202, 202, 429]
    assert client.delete("/stress/1").get_json()["state"] == "cancelled"
    assert client.get("/stress").status_code == 202
    assert [s["state"] for s in client.get("/stresses").get_json()["stresses"]] == ["cancelled", "running", "running"]


def test_what_is_over_stays_as_it_ended(client):
    client.get("/stress?seconds=0.01")
    wait_for(client, 1, "done")
    assert client.delete("/stress/1").get_json()["state"] == "done"


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "x", "3601", ""])
def test_wrong_seconds_are_said_and_start_nothing(client, seconds):
    answer = client.get(f"/stress?seconds={seconds}")
    assert answer.status_code == 400
    assert "expected a number above 0, at most 3600" in answer.get_json()["error"]
    assert client.get("/stresses").get_json()["stresses"] == []


@pytest.mark.parametrize("method", ["get", "delete"])
def test_an_unknown_number_is_not_found(client, method):
    answer = getattr(client, method)("/stress/99")
    assert answer.status_code == 404
    assert "no stress 99" in answer.get_json()["error"]


def test_cpu_measures_three_load_averages_and_a_percentage(client):
    answer = client.get("/cpu").get_json()
    assert set(answer["load"]) == {"1", "5", "15"}
    assert 0 <= answer["cpu_percent"] <= 100
    assert answer["cpu_count"] >= 1


def test_insight_masks_secrets(client, monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    monkeypatch.setenv("STRESSTIME", "5")
    answer = client.get("/insight")
    assert "hunter2" not in answer.text
    environment = answer.get_json()["environment"]
    assert environment["DB_PASSWORD"] == MASK
    assert environment["STRESSTIME"] == "5"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("API_TOKEN", "x", MASK),
        ("aws_secret_access_key", "x", MASK),
        ("GITHUB_AUTH", "x", MASK),
        ("DATABASE_URL", "postgres://me:pw@db/x", f"postgres://{MASK}@db/x"),
        ("HOME", "/root", "/root"),
    ],
)
def test_what_sounds_secret_is_masked(name, value, shown):
    assert masked({name: value}) == {name: shown}


def test_burn_takes_its_time():
    began, used = time.monotonic(), time.process_time()
    burn(0.2)
    assert time.monotonic() - began >= 0.2
    assert time.process_time() - used > 0.01  # busy, not asleep; how much of a core it got is the machine's affair
