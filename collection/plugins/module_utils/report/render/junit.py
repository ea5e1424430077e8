# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The result as JUnit XML: a suite for each variant, a case for each objective and expectation."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

Json = dict[str, Any]
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(result: Json) -> str:
    """Return the XML text. An inconclusive case is skipped, not passed: no data is never a pass."""
    root = ElementTree.Element("testsuites", {"name": result["scenario"]})
    for variant in result["variants"]:
        suite = ElementTree.SubElement(root, "testsuite", {"name": f"{result['scenario']}.{variant['name']}"})
        for phase in variant["phases"]:
            if phase["judged"]:
                # a measurement that was cut into phases is one case, with the counts of all of it
                whole = variant["figures"] if variant["recovery"] else phase["figures"]
                _phase_cases(suite, result["scenario"], variant["name"], phase, whole)
        for row in result["expectations"]:
            if row["variant"] == variant["name"]:
                unsure = variant["verdict"] == "inconclusive"
                verdict = "pass" if row["ok"] else ("inconclusive" if unsure else "fail")
                name = f"expected {row['what']}"
                _case(suite, f"{result['scenario']}.{variant['name']}", name, verdict, f"found {row['found']}")
        cases = suite.findall("testcase")
        suite.set("tests", str(len(cases)))
        suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
        suite.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
        suite.set("errors", "0")
        suite.set("time", f"{variant['figures']['duration_s']:.3f}")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _phase_cases(suite: ElementTree.Element, scenario: str, variant: str, phase: Json, figure: Json) -> None:
    where = f"{scenario}.{variant}.{phase['name']}"
    for objective in phase["objectives"]:
        _case(suite, where, objective["text"], objective["verdict"], objective["reason"])
    summary = f"{figure['attempts']} attempts, {figure['failed']} failed, {figure['not_sent']} not sent; " + "; ".join(
        phase["reasons"]
    )
    # an objective that failed already has its own case; this one says whether the measurement can be trusted
    verdict = "inconclusive" if phase["verdict"] == "inconclusive" else "pass"
    _case(suite, where, "measured as planned", verdict, summary.rstrip("; "))


def _case(suite: ElementTree.Element, where: str, name: str, verdict: str, message: str) -> None:
    case = ElementTree.SubElement(suite, "testcase", {"classname": _clean(where), "name": _clean(name)})
    tag = {"fail": "failure", "inconclusive": "skipped"}.get(verdict)
    if tag:
        ElementTree.SubElement(case, tag, {"message": _clean(message)})


def _clean(text: str) -> str:
    """XML 1.0 has no way to write control characters, and an error text may hold any byte."""
    return _NOT_XML.sub("\ufffd", text)
