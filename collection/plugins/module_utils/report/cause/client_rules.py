# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The probe's own faults, names and certificates, and answers that the application itself gave."""

from __future__ import annotations

from ..figures.executed import ANSWERED_OUTCOMES, CLIENT_OUTCOMES
from .failure import Failure
from .finding import Change, Evidence, Finding
from .scene import Scene

_CLIENT_CHANGES = {
    "ports_exhausted": "keep connections, lower the rate, or widen net.ipv4.ip_local_port_range on the probe's host",
    "descriptors_exhausted": "raise the limit of open files (ulimit -n) on the probe's host",
    "client_late": "give the probe's host a free processor: it stood still; repeat the run",
    "not_sent": "give the probe more processes or a lower rate",
}


def probe_fault(failure: Failure, scene: Scene) -> Finding | None:
    """The request never left the probe's host, or the control target failed as well."""
    if failure.only(CLIENT_OUTCOMES):
        text = f"{failure.requests_lost} requests ended in {failure.first_outcome}: {failure.first_error}"
        change = Change("nothing in the manifest: " + _CLIENT_CHANGES[failure.first_outcome])
    elif failure.control_failed:
        text = "the control target, which does not depend on the service, failed in the same moment"
        change = Change("nothing in the manifest: the probe's host or its network was at fault; repeat the run")
    else:
        return None
    return Finding(
        "probe_fault", "high", failure.first_bad_ns, "probe", (Evidence(failure.first_bad_ns, text),), change
    )


def dns(failure: Failure, scene: Scene) -> Finding | None:
    """The name could not be looked up. Whose fault that is, the service's or a name server's, the probe cannot tell."""
    if not failure.only({"dns"}):
        return None
    text = f"the name could not be looked up on the probe's host: {failure.first_error}"
    change = Change("nothing in the manifest: see the name service that the probe's host asks, or probe an address")
    return Finding("dns", "medium", failure.first_bad_ns, "name", (Evidence(failure.first_bad_ns, text),), change)


def tls(failure: Failure, scene: Scene) -> Finding | None:
    """No TLS session came about: an expired certificate, a wrong name, or no TLS on that port."""
    if not failure.only({"tls"}):
        return None
    text = f"{failure.requests_lost} connections failed in the TLS handshake: {failure.first_error}"
    change = Change("see the certificate that the service shows: its dates, its names, its issuer")
    return Finding(
        "tls", "medium", failure.first_bad_ns, "certificate", (Evidence(failure.first_bad_ns, text),), change
    )


def application_error(failure: Failure, scene: Scene) -> Finding | None:
    """A whole answer came, but not the expected one: the application gave it. Why, only its own log knows."""
    if not failure.only(ANSWERED_OUTCOMES - {"too_slow"}):
        return None
    text = f"{failure.requests_lost} whole answers broke the expectation: {failure.first_error}"
    change = Change("no cluster change explains it: see the application's log at this time")
    return Finding(
        "application_error",
        "medium",
        failure.first_bad_ns,
        "application",
        (Evidence(failure.first_bad_ns, text),),
        change,
    )
