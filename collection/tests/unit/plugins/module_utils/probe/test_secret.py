# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Nothing secret reaches what is written: options, command line, names of targets."""

from __future__ import annotations

import json

from ansible_collections.availability.lab.plugins.module_utils.probe.options import parse
from ansible_collections.availability.lab.plugins.module_utils.probe.secret import in_address, in_argv, values_of

URL = "http://bob:hunter2@a.test/x?token=tok123&page=2"
SHOWN = "http://bob:***@a.test/x?token=***&page=2"


def test_addresses() -> None:
    assert in_address(URL) == SHOWN
    assert in_address("http://a.test/x?page=2") == "http://a.test/x?page=2"


def test_command_lines() -> None:
    argv = [
        *("--url", URL, "--headers", "Authorization=Bearer s3cret", "--headers=Cookie=s3cret", "--headers", "Accept=a"),
        *("--targets", json.dumps({"url": URL, "headers": {"X-Api-Key": "s3cret", "Accept": "b"}}), f"--control={URL}"),
    ]
    shown = in_argv(argv)
    assert shown[:6] == ["--url", SHOWN, "--headers", "Authorization=***", "--headers=Cookie=***", "--headers"]
    assert json.loads(shown[8]) == {"url": SHOWN, "headers": {"X-Api-Key": "***", "Accept": "b"}}
    assert shown[9] == f"--control={SHOWN}"


def test_short_flags_hide_as_the_long_ones() -> None:
    argv = ["-H", "Cookie: a=b:c", "-HX-Token: t", "-kH", "Authorization=Basic x", "-H", "Accept: text/html", "-k", URL]
    hidden = ["-H", "Cookie:***", "-HX-Token:***", "-kH", "Authorization=***", "-H", "Accept: text/html", "-k", SHOWN]
    assert in_argv(argv) == hidden


def test_options_and_names_of_targets() -> None:
    options = parse(
        {
            "targets": [{"url": URL, "headers": {"Cookie": "c"}}, {"url": URL.replace("tok123", "tok456")}],
            "control": URL,
            "rate": 1,
            "requests": 1,
        }
    )
    told = json.dumps(options.raw) + "".join(target.name for target in options.targets)
    assert not [secret for secret in ("hunter2", "tok123", "tok456", '"c"') if secret in told]
    assert [target.name for target in options.targets] == [SHOWN, SHOWN + " (2)"]
    assert b"token=tok123" in options.targets[0].on_new[0]


def test_the_values_themselves() -> None:
    given = {
        "url": [URL],
        "control": "http://a.test/?key=k3yk3y",
        "headers": {"Authorization": "Bearer s3cret", "Accept": "text/html", "X-Token": "abc"},
        "targets": [{"url": URL.replace("hunter2", "hunter3"), "headers": {"Cookie": "s=c00kie"}}],
        "body": None,
    }
    assert values_of(given) == {"hunter2", "hunter3", "tok123", "k3yk3y", "Bearer s3cret", "s=c00kie"}
    assert values_of({"url": None, "targets": None}) == set()
