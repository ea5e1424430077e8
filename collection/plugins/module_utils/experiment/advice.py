# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the report will advise, tried while the objects still stand: each patch is sent to the API as a dry run.

A dry run shows that the API and its admission take a patch, not that the pods then start, nor that it helps.
"""

from __future__ import annotations

from typing import Any, Callable

from ..cluster.api import ApiProblem, ApiRefused, ApiRejected, ClusterError
from .stage import Stage

Json = dict[str, Any]
#: (stem of the records, Service) -> [(kind/name, patch)]. What a report will advise only `report` knows: who starts an
#: experiment brings it.
Advise = Callable[[str, str], list[tuple[str, Json]]]
API_VERSION = "apps/v1"  # patches are for Deployments, StatefulSets and DaemonSets alone


def tried_patches(stage: Stage, advised: list[tuple[str, Json]]) -> list[Json]:
    """[{target, patch, taken, said}] of what is advised.

    taken: None where nobody could try it; said: why, or what the API answered to one that it does not take.
    """
    return [{"target": target, "patch": patch, **_tried(stage, target, patch)} for target, patch in advised]


def _tried(stage: Stage, target: str, patch: Json) -> Json:
    kind, _slash, name = target.partition("/")
    try:
        stage.changes.dry_run(stage.changes.path(API_VERSION, kind, stage.namespace, name), patch)
    except ApiRejected as error:
        # A webhook that cannot be asked in a dry run says nothing of the patch.
        return {"taken": None if "support dry run" in str(error) else False, "said": str(error)}
    except ApiRefused as error:
        # An admission that denies answers 403, too, but not that somebody "cannot patch resource".
        denied = error.status == 403 and "cannot patch resource" not in str(error)
        return {"taken": False if denied else None, "said": str(error)}
    except (ApiProblem, ClusterError) as error:
        return {"taken": None, "said": str(error)}
    return {"taken": True, "said": ""}
