# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The command line, for people without a playbook: it measures, says what it found, and exits with the verdict."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from .arguments import OptionError
from .flags import BAD_OPTION, options_of, parser
from .hdr import write_log
from .histogram import Histogram
from .options import check_folder, parse
from .place import STANDARD_OUTPUT, say
from .progress import ProgressError, live_line
from .summary import summary_text, timeline_csv, verdict_line
from .supervisor import OnSecond, RecordUnwritten, Supervisor
from .words import record_of, word_of

_FORMS = {"json": lambda record: json.dumps(record, separators=(",", ":")), "csv": timeline_csv}
EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 2}


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    arguments = parser().parse_intermixed_args(list(argv))  # addresses and files may stand between the options
    problem = ""
    try:
        check_folder("hdr", arguments.hdr)
        if word_of(arguments):
            record = record_of(arguments)
        else:
            supervisor = Supervisor(parse(options_of(arguments)), argv)
            record = supervisor.run(None if arguments.quiet else _live())
            problem = supervisor.problem
        if arguments.hdr is not None:
            write_log(
                arguments.hdr,
                Histogram.from_record(record["totals"]["latency"]),
                record["started_unix_ns"],
                record["elapsed_s"],
            )
    except RecordUnwritten as error:
        record, problem = error.record, str(error)
    except (OptionError, ProgressError, OSError) as error:
        say(f"probe: {error}", sys.stderr)
        return BAD_OPTION
    if problem:
        say(f"probe: {problem}", sys.stderr)
    if arguments.form != "text" and arguments.result != STANDARD_OUTPUT:
        say(_FORMS[arguments.form](record), sys.stdout)
    taken = arguments.result == STANDARD_OUTPUT or arguments.form != "text"
    say(
        verdict_line(record) if arguments.quiet else summary_text(record),
        sys.stderr if taken else sys.stdout,
    )
    code = EXIT_CODES[record["verdict"]]
    return max(code, EXIT_CODES["inconclusive"]) if problem.startswith("the record") else code


def _live() -> OnSecond:
    def show(summary: dict[str, Any]) -> None:
        say(live_line(summary), sys.stderr)

    return show
