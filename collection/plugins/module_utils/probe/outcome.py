# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The taxonomy: every planned request ends in exactly one of these outcomes.

Three classes: completed (`ok`), failed (the service's fault) and not sent (the client's own fault, which counts
neither for nor against the service).
"""

from __future__ import annotations

import errno
import ssl

OK = "ok"
WRONG_STATUS = "wrong_status"
WRONG_BODY = "wrong_body"
TOO_SLOW = "too_slow"
REFUSED = "refused"
UNREACHABLE = "unreachable"
RESET = "reset"
RESET_IN_ANSWER = "reset_in_answer"
CLOSED_EARLY = "closed_early"
TIMEOUT_CONNECTING = "timeout_connecting"
TIMEOUT_HEADERS = "timeout_headers"
TIMEOUT_BODY = "timeout_body"
TLS = "tls"
DNS = "dns"
MALFORMED = "malformed"
#: The server said that it did not begin it (HTTP/2: refused the stream, or left before it).
UNPROCESSED = "unprocessed"
NOT_SENT = "not_sent"
PORTS_EXHAUSTED = "ports_exhausted"
DESCRIPTORS_EXHAUSTED = "descriptors_exhausted"
#: The probe itself stood still, or sent too late to tell what the service would have done.
CLIENT_LATE = "client_late"

FAILED = (
    WRONG_STATUS,
    WRONG_BODY,
    TOO_SLOW,
    REFUSED,
    UNREACHABLE,
    RESET,
    RESET_IN_ANSWER,
    CLOSED_EARLY,
    TIMEOUT_CONNECTING,
    TIMEOUT_HEADERS,
    TIMEOUT_BODY,
    TLS,
    DNS,
    MALFORMED,
    UNPROCESSED,
)
TIMEOUTS = (TIMEOUT_CONNECTING, TIMEOUT_HEADERS, TIMEOUT_BODY)
CLIENT = (NOT_SENT, PORTS_EXHAUSTED, DESCRIPTORS_EXHAUSTED, CLIENT_LATE)
OUTCOMES = (OK, *FAILED, *CLIENT)

#: One byte a request in the outage tracker: 0 is "in flight", 1 is ok, then the others in order.
CODE = {name: number for number, name in enumerate(OUTCOMES, start=1)}
IN_FLIGHT_CODE = 0
OK_CODE = CODE[OK]
#: ok, but so late that the service stood still for the client
STALLED_CODE = len(OUTCOMES) + 1

_CLIENT_ERRNO = {
    errno.EADDRNOTAVAIL: PORTS_EXHAUSTED,  # every local port is taken
    errno.EMFILE: DESCRIPTORS_EXHAUSTED,
    errno.ENFILE: DESCRIPTORS_EXHAUSTED,
    errno.ENOBUFS: DESCRIPTORS_EXHAUSTED,
    errno.ENOMEM: DESCRIPTORS_EXHAUSTED,
}
_UNREACHABLE_ERRNO = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EACCES, errno.EPERM)


def of_connect_error(error: OSError) -> str:
    """The outcome of an error before the request could be written."""
    if isinstance(error, ssl.SSLError):
        return TLS
    number = error.errno or 0
    if number in _CLIENT_ERRNO:
        return _CLIENT_ERRNO[number]
    if number == errno.ECONNREFUSED:
        return REFUSED
    if number == errno.ETIMEDOUT:
        return TIMEOUT_CONNECTING
    if number in _UNREACHABLE_ERRNO:
        return UNREACHABLE
    return RESET


def of_exchange_error(error: OSError, answer_begun: bool) -> str:
    """The outcome of an error after the connection stood: while writing, or while reading the answer."""
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return TLS
    number = error.errno or 0
    if number == errno.ETIMEDOUT:  # the kernel gave up on unacknowledged data
        return TIMEOUT_BODY if answer_begun else TIMEOUT_HEADERS
    if number in _UNREACHABLE_ERRNO:
        return UNREACHABLE
    if number == errno.ECONNREFUSED:  # of UDP, by ICMP
        return REFUSED
    return RESET_IN_ANSWER if answer_begun else RESET


def of_timeout(connected: bool, head_read: bool) -> str:
    """The outcome of a request whose time limit struck, by the phase it was in."""
    if not connected:
        return TIMEOUT_CONNECTING
    return TIMEOUT_BODY if head_read else TIMEOUT_HEADERS
