# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The recorder against an API server that streams, expires, restarts and cuts connections, over real sockets."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster import watch
from ansible_collections.availability.lab.plugins.module_utils.cluster.api import ClusterApi, ClusterError
from ansible_collections.availability.lab.plugins.module_utils.cluster.record import (
    ClusterRecord,
    Front,
    RecordError,
    read_record,
)
from ansible_collections.availability.lab.plugins.module_utils.cluster.recorder import Recorder
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.cluster.fake_api import FakeApi
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.cluster.samples import (
    endpoint_slice,
    killed_pod,
    pod,
)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as fake:
        yield fake


class Recording:
    """A running recorder of namespace shop."""

    def __init__(self, api: FakeApi, folder: Path, interval_s: float = 60, front: str = "") -> None:
        self.path = str(folder / "record" / "cluster.jsonl")
        client = ClusterApi.from_kubeconfig(api.kubeconfig(folder))
        self.recorder = Recorder(client, "shop", self.path, interval_s, front=Front.parse("front", front))
        self.recorder.start()

    def until(self, found: Callable[[ClusterRecord], bool]) -> None:
        """Wait until the record on disk shows it; fails after 5 s."""
        deadline = time.monotonic() + 5
        while not found(read_record(self.path)):
            assert time.monotonic() < deadline, Path(self.path).read_text()
            time.sleep(0.02)

    def end(self) -> ClusterRecord:
        self.recorder.stop()
        return read_record(self.path)


def pods(record: ClusterRecord) -> list[tuple[str, str, str]]:
    return [(change.name, change.event, change.via) for change in record.of_kind("Pod")]


def test_records_every_change_once_from_the_first_list(api: FakeApi, tmp_path: Path) -> None:
    api.put("pods", "old", **pod())
    recording = Recording(api, tmp_path)
    api.put("pods", "web", **pod(ready=False))
    api.put("pods", "web", **pod())
    api.put(
        "endpointslices",
        "web-1",
        metadata={"labels": {"kubernetes.io/service-name": "web"}},
        **endpoint_slice(web=True),
    )
    api.put("pods", "web", **killed_pod())
    api.delete("pods", "web")
    recording.until(
        lambda record: ("web", "deleted", "watch") in pods(record) and bool(record.of_kind("EndpointSlice"))
    )
    record = recording.end()
    assert pods(record) == [
        ("old", "listed", "list"),
        ("web", "added", "watch"),
        ("web", "modified", "watch"),
        ("web", "modified", "watch"),
        ("web", "deleted", "watch"),
    ]
    assert record.header["namespace"] == "shop"
    assert record.header["kubernetes_version"] == "v1.33.1"
    assert record.end is not None
    assert record.end["counts"]["Pod"] == 5
    assert record.gaps == []
    added = record.of_kind("Pod")[1]
    assert added.spec is not None
    assert added.spec["containers"][0]["pre_stop"] == "sleep 5 s"
    assert record.of_kind("Pod")[3].state["containers"][0]["last"]["reason"] == "OOMKilled"
    assert record.of_kind("EndpointSlice")[0].state["service"] == "web"


def test_a_change_that_the_record_does_not_follow_is_not_written(api: FakeApi, tmp_path: Path) -> None:
    api.put("pods", "web", **pod())
    recording = Recording(api, tmp_path)
    for beat in range(5):
        api.put("pods", "web", metadata={"annotations": {"beat": str(beat)}}, **pod())
    api.put("pods", "web", **pod(ready=False))
    recording.until(lambda record: len(pods(record)) == 2)
    assert [change.state["ready"] for change in recording.end().of_kind("Pod")] == [True, False]


def test_a_doubled_event_is_written_once(api: FakeApi, tmp_path: Path) -> None:
    api.double = True
    recording = Recording(api, tmp_path)
    api.put("pods", "web", **pod())
    api.delete("pods", "web")
    recording.until(lambda record: len(pods(record)) == 2)
    assert [event for _unused, event, _unused in pods(recording.end())] == ["added", "deleted"]


def test_cut_connections_are_resumed_where_they_were(api: FakeApi, tmp_path: Path) -> None:
    recording = Recording(api, tmp_path)
    api.put("pods", "web-0", **pod())
    for number in range(1, 20):
        api.cut()
        api.put("pods", f"web-{number}", **pod())
    recording.until(lambda record: len(pods(record)) == 20)
    assert pods(recording.end()) == [(f"web-{number}", "added", "watch") for number in range(20)]
    lists = [line for line in api.requests if "/pods?limit=" in line]
    assert len(lists) == 1, "a cut watch was listed anew"


def test_an_api_restart_loses_nothing_and_is_written_as_a_gap(api: FakeApi, tmp_path: Path) -> None:
    api.put("pods", "web", **pod())
    recording = Recording(api, tmp_path)
    api.stop()
    api.put("pods", "web", **pod(ready=False))
    api.put("pods", "web", **pod())
    api.delete("pods", "web")
    time.sleep(0.4)
    api.start()
    recording.until(lambda record: len(pods(record)) == 4 and any(gap.kind == "Pod" for gap in record.gaps))
    record = recording.end()
    assert [event for _unused, event, _unused in pods(record)] == ["listed", "modified", "modified", "deleted"]
    gap = next(gap for gap in record.gaps if gap.kind == "Pod")
    assert 0.3 < (gap.to_ns - gap.from_ns) / 1e9 < 3
    assert not gap.relisted


def test_a_version_that_is_gone_is_listed_anew_and_only_the_difference_is_written(api: FakeApi, tmp_path: Path) -> None:
    for name in ("same", "changed", "deleted"):
        api.put("pods", name, **pod())
    recording = Recording(api, tmp_path)
    api.stop()
    api.put("pods", "changed", **pod(ready=False))
    api.delete("pods", "deleted")
    api.put("pods", "new", **pod())
    api.compact()
    api.start()
    recording.until(lambda record: len(pods(record)) == 6 and any(gap.relisted for gap in record.gaps))
    api.put("pods", "same", **pod(ready=False))
    recording.until(lambda record: len(pods(record)) == 7)
    found = pods(recording.end())
    assert sorted(found[3:6]) == [
        ("changed", "modified", "relist"),
        ("deleted", "deleted", "relist"),
        ("new", "added", "relist"),
    ]
    assert found[6:] == [("same", "modified", "watch")]


def test_a_pod_recreated_under_its_name_during_the_gap_is_another_pod(api: FakeApi, tmp_path: Path) -> None:
    api.put("pods", "db-0", **pod())
    recording = Recording(api, tmp_path)
    api.stop()
    api.delete("pods", "db-0")
    api.put("pods", "db-0", **pod())
    api.compact()
    api.start()
    recording.until(lambda record: len(pods(record)) == 3)
    record = recording.end()
    assert sorted(event for _unused, event, _unused in pods(record)) == ["added", "deleted", "listed"]
    assert len({change.uid for change in record.of_kind("Pod")}) == 2


def test_an_expiring_watch_is_renewed_without_a_gap(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "WATCH_TIMEOUT_S", 0)
    monkeypatch.setattr(watch.random, "randrange", lambda _unused: 1)
    recording = Recording(api, tmp_path)
    for number in range(12):
        api.put("pods", f"web-{number}", **pod())
        time.sleep(0.2)
    recording.until(lambda record: len(pods(record)) == 12)
    record = recording.end()
    assert pods(record) == [(f"web-{number}", "added", "watch") for number in range(12)]
    assert [gap for gap in record.gaps if gap.kind == "Pod"] == []
    assert sum("/pods?" in line and "watch" in line for line in api.requests) >= 3


def test_a_kind_without_rights_is_skipped_with_the_reason(api: FakeApi, tmp_path: Path) -> None:
    api.refuse["/nodes"] = 403
    record = Recording(api, tmp_path).end()
    assert "nodes is refused" in record.skipped["Node"]


def test_a_refusal_after_the_start_is_waited_out(api: FakeApi, tmp_path: Path) -> None:
    recording = Recording(api, tmp_path)
    api.refuse["/pods"] = 403
    api.cut()
    time.sleep(0.3)
    api.put("pods", "web", **pod())
    api.refuse.clear()
    recording.until(lambda record: pods(record) == [("web", "added", "watch")])
    recording.end()


@pytest.mark.parametrize(
    ("refused", "status", "words"),
    [
        ("/pods", 403, "watch of Pod is not allowed, but needed"),
        ("/namespaces/shop", 404, "namespace 'shop' does not exist"),
        ("/version", 503, "the API server does not answer as expected"),
    ],
)
def test_what_cannot_be_recorded_is_said_at_the_start(
    api: FakeApi, tmp_path: Path, refused: str, status: int, words: str
) -> None:
    api.refuse[refused] = status
    with pytest.raises(ClusterError, match=words):
        Recording(api, tmp_path)
    assert not (tmp_path / "record" / "cluster.jsonl").exists()


def test_usage_and_throttling_are_recorded(api: FakeApi, tmp_path: Path) -> None:
    api.put("nodes", "minikube", status={})
    api.put("nodes", "elsewhere", status={})
    api.put("pods", "web", **pod())
    metrics = "/apis/metrics.k8s.io/v1beta1"
    usage = {"cpu": "123456789n", "memory": "20480Ki"}
    item = {"metadata": {"name": "web"}, "timestamp": "2026-11-21T08:00:09Z", "window": "15.063s"}
    api.raw[f"{metrics}/namespaces/shop/pods"] = json.dumps(
        {"items": [{**item, "containers": [{"name": "web", "usage": usage}]}]}
    ).encode()
    api.raw[f"{metrics}/nodes"] = json.dumps(
        {"items": [{**item, "metadata": {"name": "minikube"}, "usage": {"cpu": "1500m", "memory": "2Gi"}}]}
    ).encode()
    labels = '{container="web",id="/x",namespace="shop",pod="web"}'
    api.raw["/api/v1/nodes/minikube/proxy/metrics/cadvisor"] = (
        f"# HELP x\ncontainer_cpu_cfs_periods_total{labels} 100 1763712000123\n"
        f"container_cpu_cfs_throttled_periods_total{labels} 40 1763712000123\n"
        f'container_cpu_cfs_periods_total{{container="other",namespace="kube-system",pod="p"}} 7\n'
    ).encode()
    recording = Recording(api, tmp_path, interval_s=0.2)
    recording.until(lambda record: len(record.usage) > 1 and len(record.throttling) > 1)
    record = recording.end()
    web = record.usage[0].pods["web"]["web"]
    assert (round(web["cpu_m"], 1), web["memory_bytes"], web["window_s"]) == (123.5, 20971520, 15.063)
    assert record.usage[0].nodes["minikube"]["cpu_m"] == 1500
    counters = {"periods": 100, "throttled_periods": 40, "api_time_ns": 1763712000_123_000_000}
    assert record.throttling[0].containers == {"web/web": counters}
    low, high = record.clock_offset_ms or (1, 0)
    assert low <= 0 <= high, "the fake API shares this host's clock"
    assert not any("/nodes/elsewhere/proxy" in path for path in api.requests), "no pod of the namespace is there"


def test_counters_of_a_loss_can_be_waited_for(api: FakeApi, tmp_path: Path) -> None:
    api.put("pods", "web", **pod())
    page = '\ncontainer_cpu_cfs_periods_total{container="web",namespace="shop",pod="web"} '
    path = "/api/v1/nodes/minikube/proxy/metrics/cadvisor"
    api.raw[path] = f"{page}100 1763712000000\n".encode()
    recording = Recording(api, tmp_path, interval_s=60)
    recording.until(lambda record: len(record.throttling) > 0)
    second = 10**9
    begun_ns, ended_ns = 1763712001 * second, 1763712005 * second
    time.sleep(0.3)
    assert not recording.recorder.tells_of(begun_ns, ended_ns)
    api.raw[path] = f"{page}150 1763712012000\n".encode()
    deadline = time.monotonic() + 20
    while not recording.recorder.tells_of(begun_ns, ended_ns) and time.monotonic() < deadline:
        time.sleep(0.05)
    record = recording.end()
    assert record.throttling[-1].containers["web/web"] == {"periods": 150, "api_time_ns": 1763712012 * 10**9}


@pytest.mark.parametrize(("held", "enough"), [(0, True), (60, False)])
def test_counters_from_within_a_loss_are_enough_where_nothing_was_held_back(
    api: FakeApi, tmp_path: Path, held: int, enough: bool
) -> None:
    api.put("pods", "web", **pod())
    labels = '{container="web",namespace="shop",pod="web"}'
    api.raw["/api/v1/nodes/minikube/proxy/metrics/cadvisor"] = (
        f"\ncontainer_cpu_cfs_periods_total{labels} 100 1763712003000\n"
        f"container_cpu_cfs_throttled_periods_total{labels} {held} 1763712003000\n"
    ).encode()
    recording = Recording(api, tmp_path, interval_s=60)
    deadline = time.monotonic() + 2
    told = False
    while not told and time.monotonic() < deadline:
        told = recording.recorder.tells_of(1763712001 * 10**9, 1763712005 * 10**9)
        time.sleep(0.05)
    recording.end()
    assert told is enough


def test_without_counters_nothing_is_waited_for(api: FakeApi, tmp_path: Path) -> None:
    recording = Recording(api, tmp_path, interval_s=60)
    deadline = time.monotonic() + 5
    while not recording.recorder.tells_of(0, time.time_ns()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert time.monotonic() < deadline
    recording.end()


def test_what_one_node_or_one_right_withholds_costs_nothing_else(api: FakeApi, tmp_path: Path) -> None:
    for name, node in (("web", "minikube"), ("late", "deaf"), ("kept", "closed")):
        body = pod()
        body["spec"] = {**body["spec"], "nodeName": node}
        api.put("pods", name, **body)
    labels = '{container="web",id="/x",namespace="shop",pod="web"}'
    page = f"\ncontainer_cpu_cfs_periods_total{labels} 100\ncontainer_cpu_cfs_throttled_periods_total{labels} 40\n"
    api.raw["/api/v1/nodes/minikube/proxy/metrics/cadvisor"] = page.encode()
    item = {"metadata": {"name": "web"}, "timestamp": "2026-11-21T08:00:09Z", "window": "15s", "containers": []}
    api.raw["/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"] = json.dumps({"items": [item]}).encode()
    api.refuse |= {"/v1beta1/nodes": 403, "/nodes/deaf/proxy/metrics/cadvisor": 503}
    api.refuse["/nodes/closed/proxy/metrics/cadvisor"] = 403
    recording = Recording(api, tmp_path, interval_s=0.1)
    recording.until(lambda record: len(record.usage) > 2 and len(record.throttling) > 2)
    record = recording.end()
    assert record.throttling[0].containers["web/web"]["periods"] == 100
    assert set(record.skipped) == {"usage of nodes", "throttling of deaf", "throttling of closed"}
    for node in ("deaf", "closed"):
        asked = [path for path in api.requests if f"/nodes/{node}/proxy" in path]
        assert len(asked) == 1, "it would be asked in vain every time"


def test_a_long_list_comes_in_pages_and_a_busy_server_is_left_alone_as_it_asks(api: FakeApi, tmp_path: Path) -> None:
    api.page = 2
    api.busy = ["pods"]
    for number in range(5):
        api.put("pods", f"web-{number}", **pod())
    began = time.monotonic()
    record = Recording(api, tmp_path).end()
    assert [name for name, _unused, _unused in pods(record)] == [f"web-{number}" for number in range(5)]
    lists = [path for path in api.requests if "/pods?" in path and "limit=500" in path]
    assert ["continue=" in path for path in lists] == [False, False, True, True]
    assert time.monotonic() - began >= 1


def test_without_metrics_the_rest_is_recorded_and_the_lack_is_said_once(api: FakeApi, tmp_path: Path) -> None:
    recording = Recording(api, tmp_path, interval_s=0.05)
    recording.until(lambda record: "usage" in record.skipped)
    time.sleep(0.3)
    record = recording.end()
    assert record.end is not None
    assert record.end["counts"]["skipped"] == 2  # of pods and of nodes


def test_wait_ends_on_request_and_when_time_is_up(api: FakeApi, tmp_path: Path) -> None:
    recording = Recording(api, tmp_path)
    recording.recorder.wait(threading.Event(), 0.1)
    record = recording.end()
    assert record.end is not None
    assert record.end["reason"] == "the time was up"


def test_a_watch_that_fails_ends_the_recording_and_says_why(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording(api, tmp_path)
    api.put("pods", "web", spec={"containers": [{"resources": {"limits": {"cpu": "a lot"}}}]})
    recording.recorder.wait(threading.Event(), 5)
    record = recording.end()
    assert record.end is not None
    assert "'a lot' is not a Kubernetes quantity" in record.end["reason"]


def test_an_api_that_never_comes_back_leaves_a_gap_to_the_end(api: FakeApi, tmp_path: Path) -> None:
    api.put("pods", "web", **pod())
    recording = Recording(api, tmp_path)
    api.stop()
    time.sleep(0.5)
    record = recording.end()
    gap = next(gap for gap in record.gaps if gap.kind == "Pod")
    assert (gap.to_ns - gap.from_ns) / 1e9 > 0.3
    assert record.end is not None
    assert gap.to_ns <= record.end["t_ns"]


def test_a_kind_that_a_cluster_need_not_have_is_not_told_as_missing(api: FakeApi, tmp_path: Path) -> None:
    record = Recording(api, tmp_path).end()
    assert any("/httproutes" in line for line in api.requests)
    assert "HTTPRoute" not in record.skipped


def test_the_proxy_in_front_is_recorded_and_its_lack_costs_nothing_else(api: FakeApi, tmp_path: Path) -> None:
    api.refuse["/namespaces/ingress/events"] = 403
    api.put("pods", "web", **pod())
    api.put("pods", "proxy", metadata={"namespace": "ingress"}, **pod())
    recording = Recording(api, tmp_path, front="ingress/nginx")
    api.put("pods", "proxy", metadata={"namespace": "ingress"}, **killed_pod())
    recording.until(lambda record: len(pods(record)) == 3)
    record = recording.end()
    assert record.front == Front("ingress", "nginx")
    places = {(change.name, change.namespace) for change in record.of_kind("Pod")}
    assert places == {("web", "shop"), ("proxy", "ingress")}
    assert [kind for kind in record.skipped if " of " in kind and "usage" not in kind] == ["Event of ingress"]
    assert "Event" not in record.skipped


def test_a_front_in_the_namespace_itself_is_recorded_once(api: FakeApi, tmp_path: Path) -> None:
    api.put("pods", "web", **pod())
    record = Recording(api, tmp_path, front="shop/nginx").end()
    assert (pods(record), record.front) == ([("web", "listed", "list")], Front("shop", "nginx"))


@pytest.mark.parametrize("text", ["nginx", "/nginx", "ingress/", "a/b/c"])
def test_a_front_that_is_no_namespace_and_service_is_one_error(text: str) -> None:
    with pytest.raises(RecordError, match=f"front: expected namespace/service .* got '{text}'"):
        Front.parse("front", text)
