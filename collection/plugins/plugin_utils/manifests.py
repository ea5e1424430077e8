# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A workload's manifests, rendered on the controller: templates, defaults.yml, and the settings that replace them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.plugins.loader import lookup_loader

NOT_MADE = "image-not-made-yet/"
"""What stands for the image of a workload that has none: this, and the workload's name."""

IDENTITY_ENV = [  # the answers' headers X-Pod and X-Node come from these
    {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
]
POD_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "runAsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def shared_by_all(name: str) -> dict[str, Any]:
    """What the templates of every workload find beside its own settings."""
    return {
        "workload_labels": {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "availability-lab"},
        "workload_identity_env": IDENTITY_ENV,
        "workload_pod_security": POD_SECURITY,
        "workload_container_security": CONTAINER_SECURITY,
    }


def not_made(manifests: list[dict[str, Any]]) -> list[str]:
    """The workloads whose images the manifests name, and which had none when they were rendered."""
    return sorted(set(re.findall(re.escape(NOT_MADE) + r"([\w.-]+)", json.dumps(manifests))))


class WorkloadError(ValueError):
    """A workload cannot be rendered; the text names the option and what was expected."""


class Workloads:
    """The workloads of one folder, and the images made of them (workload -> reference; None: not made yet)."""

    def __init__(self, folder: str, images: Mapping[str, str] | None, templar: Any, loader: Any) -> None:
        self._folder, self._images = Path(folder), images
        self._templar, self._loader = templar, loader

    def render(
        self, name: str, namespace: str, settings: Mapping[str, Any], variables: Mapping[str, Any], image: str = ""
    ) -> list[dict[str, Any]]:
        """The manifests in the order of their files. Raises WorkloadError: no such workload, setting or image."""
        templates = sorted((self._folder / name / "manifests").glob("*.yml.j2"))
        if not name or not templates:
            raise WorkloadError(
                f"workload_name is {name}, and {self._folder} (workload_dir) has no folder {name}/manifests with "
                f"templates (*.yml.j2); expected one of {', '.join(self.services())}"
            )
        own = {
            "workload_name": name,
            "workload_namespace": namespace,
            "workload_settings": self._settings(name, settings),
            "workload_image": image or self._image(name),
            "workload_images": self._all_images(),
            **shared_by_all(name),
        }
        lookup = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
        manifests = []
        for path in templates:
            (text,) = lookup.run([str(path)], {**variables, **own})
            try:
                manifests += [one for one in yaml.safe_load_all(str(text or "")) if one]  # None: nothing but conditions
            except yaml.YAMLError as error:
                raise WorkloadError(f"{path}: what it renders is not YAML: {error}") from error
        return manifests

    def services(self) -> list[str]:
        """The workloads that bring a Service, which is what one asks."""
        found = {
            path.parent.parent.name
            for path in self._folder.glob("*/manifests/*.yml.j2")
            if "kind: Service\n" in path.read_text(encoding="utf-8")
        }
        return sorted(found)

    def _settings(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        defaults = self._loader.load_from_file(str(self._folder / name / "defaults.yml"))
        unknown = [setting for setting in given if setting not in defaults]
        if unknown:
            raise WorkloadError(
                f"workload_variables has {', '.join(unknown)}; {name} knows {', '.join(sorted(defaults))}"
            )
        return {**defaults, **given}

    def _all_images(self) -> dict[str, str]:
        if self._images is None:
            return {folder.name: NOT_MADE + folder.name for folder in self._folder.iterdir()}
        return dict(self._images)

    def _image(self, name: str) -> str:
        if self._images is None:
            return NOT_MADE + name
        if not self._images.get(name):
            raise WorkloadError(
                f"workload_image is empty: expected a reference, or the role images to have made one for {name}"
            )
        return self._images[name]
