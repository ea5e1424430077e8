# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Bad options end in one clear error that names the option, before anything is sent; good ones become a plan."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.arguments import OptionError, seconds
from ansible_collections.availability.lab.plugins.module_utils.probe.options import parse
from ansible_collections.availability.lab.plugins.module_utils.probe.target import weighted_cycle
from hypothesis import given
from hypothesis import strategies as st

GOOD: dict[str, Any] = {"url": ["http://127.0.0.1:5000/"], "rate": 20, "duration": "10s"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rate": None}, "rate: expected exactly one of rate, users and stages"),
        ({"users": 3}, "rate: expected exactly one"),
        ({"rate": 0}, "rate: 0 is not a rate"),
        ({"rate": -1}, "rate: -1 is not a rate"),
        ({"duration": None}, "duration: expected duration or requests"),
        ({"duration": "0s"}, "duration: '0s' must be longer than 0"),
        ({"duration": "soon"}, "duration: 'soon' is not a duration"),
        ({"duration": "10s 5"}, "duration: '10s 5' is not a duration"),
        ({"timeout": "5 parsecs"}, "timeout: "),
        ({"url": []}, "url: expected either url or targets"),
        ({"url": ["ftp://x/"]}, "url: 'ftp://x/' is not an address"),
        ({"url": ["http://x:notaport/"]}, "url: 'http://x:notaport/' is not an address"),
        ({"url": ["http://x/", "http://x/"]}, "targets: two targets are called"),
        ({"targets": [{"url": "http://x/"}]}, "url: expected either url or targets"),
        ({"values": ["1"]}, "values: no address or body has {value} in it"),
        ({"url": ["http://x/{value}"]}, "url: '/{value}' or its body has {value} in it, expected a list in values"),
        ({"body": '{"key": "{value}"}'}, "url: '/' or its body has {value} in it, expected a list in values"),
        ({"connection": "fresh"}, "connection: 'fresh' is unknown, expected one of new, reuse, both, resumed"),
        ({"processes": 0}, "processes: 0 is too small"),
        ({"requests": 0}, "requests: 0 is too small"),
        ({"think_time": "1s"}, "think_time: only users wait"),
        ({"expect_status": ["2000"]}, "expect_status: '2000'"),
        ({"expect_status": ["500-200"]}, "expect_status: '500-200' goes down"),
        ({"expect_regex": "("}, "expect_regex: '(' is not a regular expression"),
        ({"expect_json": {"tag": 1}}, "expect_json: 'tag' is not a JSON pointer"),
        ({"identify": ["version"]}, "identify: 'version', expected name=header:X-Name"),
        ({"identify": ["v=cookie:x"]}, "identify: 'cookie:x', expected header:Name"),
        ({"identify": ["v=header:a", "v=header:b"]}, "identify: 'v' is given twice"),
        ({"remote_date": "date"}, "remote_date: 'date', expected header:Name"),
        ({"objectives": ["speed > 1"]}, "objectives: 'speed'"),
        ({"objectives": ["failed{pod=x} == 0"]}, "objectives: 'failed{pod=x} == 0', expected a scope of lane, target"),
        ({"abort_on": ["mean < 1s"]}, "abort_on: 'mean < 1s' cannot be decided before the end"),
        ({"abort_on": ["error_rate > 10"]}, "abort_on: 'error_rate > 10' is what must not be"),
        ({"abort_on": ["failed >= 5"]}, "abort_on: 'failed >= 5' is what must not be"),
        ({"abort_on": ["p99{target=http://127.0.0.1:5000/} < 1s"]}, "abort_on: "),
        ({"objectives": ["p99{lane=resue} < 1s"]}, "objectives: 'p99{lane=resue} < 1s', expected as lane one of new"),
        ({"objectives": ["failed{target=x} == 0"]}, "objectives: 'failed{target=x} == 0', expected as target one of"),
        ({"rate": float("inf")}, "rate: inf is not a rate"),
        ({"control_rate": float("inf")}, "control_rate: inf is not a rate"),
        ({"rate": None, "users": 4, "max_in_flight": 2}, "max_in_flight: 2 is less than the 4 users"),
        ({"processes": 3, "max_in_flight": 2}, "max_in_flight: 2 is less than one for each of 3 processes"),
        ({"rate": None, "users": 1, "abort_on": ["availability >= 99"]}, "abort_on: 'availability >= 99' cannot be"),
        ({"headers": {"X-A": "\u0416"}}, "url.headers: the value of X-A has letters"),
        ({"url": None, "targets": [{"name": "a"}]}, "targets: expected url in every entry"),
        ({"url": None, "targets": [{"url": "http://x/", "weigth": 5}]}, "targets: 'weigth' is unknown"),
        ({"url": None, "targets": [{"url": "http://x/", "weight": 0}]}, "targets.weight: 0, expected 1 to 1000"),
        ({"url": None, "targets": [{"url": "http://x/", "weight": "a"}]}, "targets.weight: 'a', expected a whole"),
        ({"url": None, "targets": [{"url": "http://x/", "headers": "x"}]}, "targets.headers: 'x', expected names"),
        ({"ca_file": "/no/such.pem"}, "ca_file: /no/such.pem cannot be read"),
        ({"client_key": "/etc/hostname"}, "client_key: given without client_cert"),
        ({"result": "/no/such/folder/r.json"}, "result: the folder /no/such/folder does not exist"),
        ({"headers": {"X-A": "a\r\nb"}}, "url.headers: 'X-A' is not a header"),
        ({"connect_to": "127.0.0.1"}, "connect_to: '127.0.0.1', expected address:port"),
        ({"speed": 3}, "speed: unknown option"),
        ({"rate": None, "users": 2, "connection": "both"}, "connection: both needs a rate"),
        ({"rate": None, "users": 2, "processes": 3}, "processes: 3 is more than the 2 users"),
        ({"rate": None, "users": 2, "think_time": "1s-0.5s"}, "think_time: '1s-0.5s' goes down"),
        ({"rate": None, "users": 2, "think_time": "1s", "iteration_time": "1s"}, "iteration_time: expected either"),
        ({"rate": None, "stages": [{"duration": "1s", "rate": 5}]}, "duration: the stages have durations of their own"),
    ],
)
def test_bad_options(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse({**GOOD, **changes})
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "stages",
    [
        [{"duration": "1s", "rate": 5}, {"duration": "1s", "users": 5}],
        [{"duration": "1s"}],
        [{"duration": "1s", "rate": 0}],
        [{"duration": "1s", "users": -1}],
        [{"duration": "1s", "rate": "abc"}],
        [{"duration": "1s", "rate": float("inf")}],
        [{"rate": 5}],
    ],
)
def test_bad_stages(stages: list[dict[str, Any]]) -> None:
    with pytest.raises(OptionError, match=r"^stages"):
        parse({"url": ["http://x/"], "stages": stages})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500ms", 0.5), ("10s", 10.0), ("1m30s", 90.0), ("2h", 7200.0), ("2.5", 2.5), (3, 3.0), ("250us", 0.00025)],
)
def test_durations(text: object, expected: float) -> None:
    assert seconds("duration", text) == pytest.approx(expected)


def test_the_plan_of_an_open_model() -> None:
    plan = parse({**GOOD, "connection": "both"}).plan()
    assert (plan["model"], plan["requests"], plan["lanes"]) == ("open", 400, ["new", "reuse"])
    assert plan["stages"] == [{"duration_s": 10.0, "from": 20.0, "to": 20.0}]


def test_the_plan_of_staged_users() -> None:
    stages = [{"duration": "0", "users": 10}, {"duration": "1m", "users": 50}]
    plan = parse({"url": ["http://x/"], "stages": stages, "iteration_time": "1s"}).plan()
    assert (plan["model"], plan["connections_peak"], plan["iteration_s"]) == ("closed", 50, 1.0)
    assert plan["stages"] == [{"duration_s": 60.0, "from": 10.0, "to": 50.0}]


def test_think_time_as_siege_writes_it() -> None:
    options = parse({"url": ["http://x/"], "users": 255, "duration": "10s", "think_time": "0-1s"})
    assert options.think_time_s == (0.0, 1.0)


def test_the_request_on_the_wire() -> None:
    (target,) = parse(
        {
            **GOOD,
            "url": ["https://example.test/a b?q=1"],
            "headers": {"X-A": 1},
            "connect_to": "[::1]:8443",
            "host": "other",
        }
    ).targets
    assert (target.tls, target.address, target.server_name) == (True, ("::1", 8443), "example.test")
    lines = target.on_new[0].decode().split("\r\n")
    assert lines[0] == "GET /a%20b?q=1 HTTP/1.1"
    assert {"Host: other", "X-A: 1", "Connection: close"} < set(lines)
    assert b"Connection" not in target.on_kept[0]


def test_a_plan_of_random_arrivals_knows_how_many() -> None:
    plan = parse({"url": ["http://x/"], "rate": 200, "requests": 100, "arrivals": "poisson"})
    assert plan.planned_arrivals == len(list(plan.due_times())) == 100
    timed = parse({"url": ["http://x/"], "rate": 200, "duration": "2s", "arrivals": "poisson"})
    assert timed.planned_arrivals == len(list(timed.due_times()))


def test_the_lane_of_new_connections_closes_each_whatever_header_is_given() -> None:
    (target,) = parse({**GOOD, "headers": {"Connection": "keep-alive"}}).targets
    assert target.on_new[0].count(b"Connection: ") == 1
    assert b"Connection: close\r\n" in target.on_new[0]
    assert b"Connection: keep-alive\r\n" in target.on_kept[0]


def test_secrets_do_not_reach_the_record() -> None:
    options = parse({**GOOD, "headers": {"Authorization": "Bearer x", "Accept": "a"}})
    assert options.raw["headers"] == {"Authorization": "***", "Accept": "a"}
    assert b"Bearer x" in options.targets[0].on_new[0]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=5))
def test_weights_are_kept_and_spread(weights: list[int]) -> None:
    cycle = weighted_cycle(weights)
    assert [cycle.count(index) for index in range(len(weights))] == weights
    for end in range(1, len(cycle) + 1):
        for index, weight in enumerate(weights):
            fair = weight * end / sum(weights)
            assert abs(cycle[:end].count(index) - fair) <= len(weights)
