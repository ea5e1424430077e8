# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Kubernetes objects as the API server tells them, cut to what matters."""

from __future__ import annotations

from typing import Any


def pod(ready: bool = True, **status: Any) -> dict[str, Any]:
    """Body of a pod of one container, without metadata."""
    return {
        "spec": {
            "nodeName": "minikube",
            "terminationGracePeriodSeconds": 30,
            "containers": [
                {
                    "name": "web",
                    "image": "availability-lab/web:1.0",
                    "ports": [{"containerPort": 5000}],
                    "readinessProbe": {"httpGet": {"path": "/healthz", "port": 5000}, "periodSeconds": 2},
                    "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
                    "resources": {"limits": {"cpu": "250m", "memory": "64Mi"}},
                }
            ],
        },
        "status": {
            "phase": "Running",
            "podIP": "10.244.0.7",
            "conditions": [
                {"type": "Ready", "status": str(ready), "lastTransitionTime": "2026-11-21T08:00:05Z"},
            ],
            "containerStatuses": [
                {
                    "name": "web",
                    "ready": ready,
                    "started": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": "2026-11-21T08:00:01Z"}},
                }
            ],
            **status,
        },
    }


def killed_pod(reason: str = "OOMKilled", exit_code: int = 137) -> dict[str, Any]:
    """A pod whose container was ended once and runs again."""
    body = pod()
    body["status"]["containerStatuses"][0].update(
        restartCount=1, lastState={"terminated": {"exitCode": exit_code, "reason": reason}}
    )
    return body


def endpoint_slice(**pods: bool) -> dict[str, Any]:
    """An EndpointSlice of pods by name, each ready or not."""
    return {
        "ports": [{"port": 5000}],
        "endpoints": [
            {
                "addresses": ["10.244.0.7"],
                "conditions": {"ready": ready, "serving": ready, "terminating": not ready},
                "targetRef": {"kind": "Pod", "name": name, "uid": f"uid-{name}"},
                "nodeName": "minikube",
            }
            for name, ready in pods.items()
        ],
    }
