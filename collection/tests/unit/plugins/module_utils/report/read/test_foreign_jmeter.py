# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""JMeter 5.6.3's result log: one that it wrote itself, and others made to order with its columns and codes."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.read.foreign_reading import (
    counts,
    made,
    outcomes,
    problem,
    read,
)

HEADER = (
    "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,sentBytes,"
    "grpThreads,allThreads,URL,Latency,IdleTime,Connect\n"
)
AT = 1_777_882_510_000


def sample(at_ms, elapsed, *result):
    """result: code, then message, whether JMeter took it as good, and why not."""
    code, message, success, failure = (*result, *("", "OK", "true", "")[len(result) :])
    begin, end = f"{AT + at_ms},{elapsed},home,{code},{message}", f"6,0,1,1,http://web/,{elapsed},0,1\n"
    return f"{begin},T 1-1,text,{success},{failure},{end}"


NO_CONNECT = "Non HTTP response code: org.apache.http.conn.HttpHostConnectException"
REFUSED = '"Non HTTP response message: Connect to web:80 [web/10.0.0.1] failed: Connection refused"'
LOG = "".join(
    [
        HEADER,
        sample(0, 12, 200),
        sample(100, 0, NO_CONNECT, REFUSED, "false"),
        sample(200, 0, NO_CONNECT, REFUSED, "false"),
        sample(300, 3, 503, "Service Unavailable", "false"),
        sample(400, 3, 200, "OK", "false", '"Test failed: text expected to contain /ready/"'),
        sample(500, 11, 404, "Not Found", "true"),
        sample(600, 5000, "Non HTTP response code: java.net.SocketTimeoutException", "Read timed out", "false"),
    ]
)


def test_what_jmeter_itself_wrote_has_jmeters_own_totals():
    """summary = 64, Err: 37; with a 404 that an assertion expects, an assertion that fails, and a transaction."""
    record = made("jmeter.jtl")
    assert counts(record) == (64, 27, 37)
    assert outcomes(record) == {"ok": 27, "wrong_body": 16, "refused": 16, "wrong_status": 3, "reset": 2}
    assert record["complete"]


def test_jmeters_own_judgement_counts(tmp_path):
    record = read(tmp_path, LOG)
    assert counts(record) == (7, 2, 5)
    assert outcomes(record) == {"ok": 2, "refused": 2, "wrong_status": 1, "wrong_body": 1, "timeout_headers": 1}
    assert record["totals"]["outcomes"]["wrong_body"]["example"] == "Test failed: text expected to contain /ready/"
    assert (record["started_unix_ns"], record["elapsed_s"]) == (AT * 1_000_000, 5.6)
    assert record["outages"]["longest_s"] == pytest.approx(0.4)


def test_samples_of_a_transaction_are_not_counted_twice(tmp_path):
    both = sample(0, 15, "", '"Number of samples in transaction : 2, number of failing samples : 0"')
    assert counts(read(tmp_path, LOG + both)) == (7, 2, 5)


def test_a_log_without_a_header_and_other_separators(tmp_path):
    assert read(tmp_path, LOG.removeprefix(HEADER)) == read(tmp_path, LOG)
    plain = HEADER + sample(0, 12, 200) + sample(9, 3, 503, "Unavailable", "false")
    for separator in ";\t":
        assert counts(read(tmp_path, plain.replace(",", separator))) == (2, 1, 1)


def test_without_jmeters_judgement_the_status_tells(tmp_path):
    text = "timeStamp,elapsed,responseCode\n" + f"{AT},3,200\n{AT},3,404\n{AT},3,Non HTTP response code: X\n{AT},3,\n"
    assert outcomes(read(tmp_path, text)) == {"ok": 1, "wrong_status": 1, "malformed": 2}


def test_a_last_row_that_was_cut_off_is_left_out_and_said(tmp_path):
    record = read(tmp_path, LOG + f"{AT},")
    assert (counts(record), record["complete"]) == ((7, 2, 5), False)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (HEADER, "1: JMeter's JTL has no sample"),
        (f"timeStamp,elapsed,label\n{AT},3,a\n", "1: JMeter's JTL lacks 'success': which samples failed is not known"),
        (LOG.replace("true", "maybe", 1), "2: not a row of JMeter's JTL, with times in ms (success is 'maybe')"),
        (LOG.replace(str(AT), "2026/05/04 10:15:10", 1), "2: not a row of JMeter's JTL, with times in ms"),
        (
            '<?xml version="1.0" encoding="UTF-8"?>\n<testResults version="1.2">\n',
            "1: JMeter's JTL is XML; expected CSV",
        ),
    ],
)
def test_what_tells_no_failures_or_times_is_refused(tmp_path, content, text):
    assert problem(tmp_path, content).startswith(text)
