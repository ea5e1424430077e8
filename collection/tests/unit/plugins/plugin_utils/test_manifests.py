# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lab's own workloads, rendered: which images they take, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, lookup_loader
from ansible.template import Templar
from ansible_collections.availability.lab.plugins.plugin_utils.manifests import WorkloadError, Workloads, not_made

FOLDER = Path(__file__).resolve().parents[5] / "workloads"


def workloads(images: dict[str, str] | None = None) -> Workloads:
    if lookup_loader.get("ansible.builtin.template") is None:
        init_plugin_loader()  # as the ansible commands begin
    loader = DataLoader()
    return Workloads(str(FOLDER), images, Templar(loader=loader), loader)


@pytest.mark.parametrize(
    ("name", "settings", "images"),
    [
        ("hello", {}, ["hello"]),
        ("guestbook", {}, ["guestbook", "redis"]),
        ("simpleprobe", {"version": "2.0"}, ["simpleprobe-2.0"]),
    ],
)
def test_the_images_that_a_workload_takes(name: str, settings: dict[str, str], images: list[str]) -> None:
    assert not_made(workloads().render(name, name, settings, {})) == images


def test_with_its_image_nothing_is_missing() -> None:
    assert not_made(workloads({"hello": "lab/hello:1"}).render("hello", "hello", {}, {})) == []


def test_a_workload_that_is_not_there_is_answered_with_those_that_can_be_asked() -> None:
    asked = workloads()
    assert asked.services() == ["envoy", "guestbook", "hello", "load-and-stress", "price-api", "simpleprobe"]
    with pytest.raises(WorkloadError, match=r"workload_name is helo, .*; expected one of envoy, guestbook, hello, "):
        asked.render("helo", "helo", {}, {})
