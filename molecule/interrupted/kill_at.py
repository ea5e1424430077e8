# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Run a command and kill it, with all that it started here, a moment after it has printed a certain line."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--line", required=True, help="text that the line begins with")
    parser.add_argument("--after-s", type=float, default=0.0, help="seconds between the line and the kill")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    # A session of its own: the whole of it is killed, as a lost terminal or the end of a CI job does.
    process = subprocess.Popen(asked.command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if line.startswith(asked.line):
            time.sleep(asked.after_s)
            if process.poll() is not None:
                break
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            sys.stdout.write(f"killed in {asked.line}\n")
            return 0
    sys.stdout.write("".join(printed[-40:]))
    sys.stdout.write(f"\nended with {process.wait()} before it could be killed in {asked.line}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
