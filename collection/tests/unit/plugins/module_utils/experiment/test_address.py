# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Where the service is asked: at a node, by its own port or by that of the proxy in front."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.cluster.record import Front
from ansible_collections.availability.lab.plugins.module_utils.experiment.address import find_address
from ansible_collections.availability.lab.plugins.module_utils.experiment.journal import Journal
from ansible_collections.availability.lab.plugins.module_utils.experiment.stage import Stage, StepError

Json = dict[str, Any]
SERVICES: dict[str, Json] = {
    "/api/v1/namespaces/shop/services/web": {"port": 80, "nodePort": 30001},
    "/api/v1/namespaces/front/services/envoy": {"port": 80, "nodePort": 30002},
    "/api/v1/namespaces/front/services/inner": {"port": 80},
}


class Cluster:
    """Services with one port each, and two nodes."""

    @property
    def api(self) -> Cluster:
        return self

    def get(self, _path: str) -> Json:
        control = {"node-role.kubernetes.io/control-plane": ""}
        return {
            "items": [
                {"metadata": {"labels": labels}, "status": {"addresses": [{"type": "InternalIP", "address": address}]}}
                for labels, address in (({}, "10.0.0.2"), (control, "10.0.0.1"))
            ]
        }

    def read(self, path: str) -> Json | None:
        return {"spec": {"ports": [SERVICES[path]]}} if path in SERVICES else None


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage("shop", Journal(str(tmp_path)), control=Cluster())  # type: ignore[arg-type]


def test_a_node_s_address_has_the_service_s_port_and_with_an_ingress_the_front_s(stage: Stage) -> None:
    assert find_address(stage, "web", "node") == "http://10.0.0.1:30001"
    assert find_address(stage, "web", "ingress", Front("front", "envoy")) == "http://10.0.0.1:30002"


def test_a_front_is_not_asked_because_it_is_recorded(stage: Stage) -> None:
    assert find_address(stage, "web", "node", Front("front", "envoy")) == "http://10.0.0.1:30001"


@pytest.mark.parametrize(("name", "words"), [("nobody", "there is no Service"), ("inner", "no port at the nodes")])
def test_a_front_that_cannot_be_asked_is_told_by_its_option(stage: Stage, name: str, words: str) -> None:
    with pytest.raises(StepError, match=rf"scenario_front: .*{words}"):
        find_address(stage, "web", "ingress", Front("front", name))
