# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How each client is told to make a load, and how its report is read. One class a client, the same methods.

`files` is a folder for scripts and reports.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import usage
from figures import Figures
from load import Load

HERE = Path(__file__).parent
ENGINE = HERE.parent / "collection" / "plugins" / "module_utils"
# The engine runs on targets, with the Python of their distribution; a Python built by hand can be a good deal slower.
PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
TIMEOUT_S = 10


def _number(pattern: str, text: str) -> float | None:
    found = re.search(pattern, text)
    return float(found.group(1)) if found else None


def _count(pattern: str, text: str) -> int:
    return sum(int(number) for number in re.findall(pattern, text))


class Ours:
    """This project's engine, as the command it also is. `extra` is its whole record."""

    name = "ours"

    def __init__(self, files: Path, options: tuple[str, ...] = ()) -> None:
        self._result = files / "ours.json"
        self._options = options

    def command(self, load: Load) -> list[str]:
        command = ["env", f"PYTHONPATH={ENGINE}", PYTHON, "-m", "probe", "--url", load.url]
        command += ["--connection", "new" if load.new else "reuse", "--result", str(self._result)]
        command += ["--timeout", f"{TIMEOUT_S}s", *self._options]
        command += ["--no-verify"] if load.url.startswith("https") else []
        command += ["--http-version", "2"] if load.http2 else []
        command += ["--rate", str(load.rate)] if load.rate else ["--users", str(load.connections)]
        return command + (["--requests", str(load.requests)] if load.requests else ["--duration", f"{load.seconds}s"])

    def read(self, run: usage.Run, load: Load) -> Figures:
        record = json.loads(self._result.read_text())
        totals = record["totals"]
        bad = {name: seen["count"] for name, seen in totals["outcomes"].items() if name != "ok"}
        times = totals["latency"]
        return Figures(
            requests=totals["due"],
            elapsed_s=record["elapsed_s"],
            good=totals["completed"],
            bad=bad,
            p50_ms=times["p50_ms"],
            p90_ms=times["p90_ms"],
            p99_ms=times["p99_ms"],
            extra=record,
        )


class Wrk:
    """wrk: closed loops only."""

    name = "wrk"

    def __init__(self, program: Path) -> None:
        self._program = program

    def command(self, load: Load) -> list[str]:
        header = ["-H", "Connection: close"] if load.new else []
        seconds = str(max(1, round(load.seconds)))
        options = ["-t1", f"-c{load.connections}", f"-d{seconds}", "--latency", "--timeout", str(TIMEOUT_S), *header]
        return [str(self._program), *options, load.url]

    def read(self, run: usage.Run, load: Load) -> Figures:
        requests, seconds = re.search(r"(\d+) requests in ([\d.]+)s", run.output).groups()  # type: ignore[union-attr]
        bad = {name: int(n) for name, n in re.findall(r"(connect|read|write|timeout) (\d+)", run.output) if int(n)}
        statuses = _count(r"Non-2xx or 3xx responses: (\d+)", run.output)
        if statuses:
            bad["non-2xx"] = statuses
        return Figures(
            requests=int(requests),
            elapsed_s=float(seconds),
            good=int(requests) - statuses,
            bad=bad,
            p50_ms=_wrk_ms(r"50%\s+([\d.]+)(us|ms|s)", run.output),
            p90_ms=_wrk_ms(r"90%\s+([\d.]+)(us|ms|s)", run.output),
            p99_ms=_wrk_ms(r"99%\s+([\d.]+)(us|ms|s)", run.output),
        )


def _wrk_ms(pattern: str, text: str) -> float | None:
    found = re.search(pattern, text)
    return float(found.group(1)) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[found.group(2)] if found else None


class Oha:
    """oha; `corrected` turns its latency correction on, which is off by default."""

    def __init__(self, program: Path, corrected: bool = False) -> None:
        self._program = program
        self._corrected = corrected
        self.name = "oha --latency-correction" if corrected else "oha"

    def command(self, load: Load) -> list[str]:
        command = [str(self._program), "--no-tui", "--output-format", "json", "-t", f"{TIMEOUT_S}s"]
        command += ["-n", str(load.requests)] if load.requests else ["-z", f"{load.seconds}s"]
        command += ["--http2", "-c", "1", "-p", str(load.connections)] if load.http2 else ["-c", str(load.connections)]
        if load.rate:
            command += ["-q", str(load.rate), *(["--latency-correction"] if self._corrected else [])]
        command += ["--insecure"] if load.url.startswith("https") else []
        return [*command, *(["--disable-keepalive"] if load.new else []), load.url]

    def read(self, run: usage.Run, load: Load) -> Figures:
        report = json.loads(run.output)
        statuses: dict[str, int] = report["statusCodeDistribution"]
        errors = {text: n for text, n in report["errorDistribution"].items() if text != "aborted due to deadline"}
        percentiles = {
            name: None if (value := report["latencyPercentiles"].get(name)) is None else value * 1e3
            for name in ("p50", "p90", "p99")
        }
        good = sum(n for code, n in statuses.items() if code.startswith("2"))
        bad = {code: n for code, n in statuses.items() if not code.startswith("2")}
        return Figures(
            requests=sum(statuses.values()) + sum(errors.values()),
            elapsed_s=report["summary"]["total"],
            good=good,
            bad={**bad, **errors},
            p50_ms=percentiles["p50"],
            p90_ms=percentiles["p90"],
            p99_ms=percentiles["p99"],
        )


class Hey:
    """hey; its rate limit is one for each worker."""

    name = "hey"

    def __init__(self, program: Path) -> None:
        self._program = program

    def command(self, load: Load) -> list[str]:
        command = [str(self._program), "-c", str(load.connections), "-t", str(TIMEOUT_S)]
        command += ["-n", str(load.requests)] if load.requests else ["-z", f"{load.seconds}s"]
        command += ["-q", str(load.rate / load.connections)] if load.rate else []
        return [*command, *(["-disable-keepalive"] if load.new else []), load.url]

    def read(self, run: usage.Run, load: Load) -> Figures:
        statuses = {code: int(n) for code, n in re.findall(r"\[(\d+)\]\s+(\d+) responses", run.output)}
        errors: Counter[str] = Counter()
        for count, text in re.findall(r"^\s+\[(\d+)\]\s+(?!\d+ responses)(\S.*)$", run.output, re.MULTILINE):
            errors[text.rsplit(": ", 1)[-1]] += int(count)
        elapsed = _number(r"Total:\s+([\d.]+) secs", run.output)
        if elapsed is None:
            raise ValueError("no total time")
        percentiles = [_number(rf"{percent}% in ([\d.]+) secs", run.output) for percent in (50, 90, 99)]
        p50, p90, p99 = (None if value is None else value * 1e3 for value in percentiles)
        bad = {code: n for code, n in statuses.items() if not code.startswith("2")}
        return Figures(
            requests=sum(statuses.values()) + sum(errors.values()),
            elapsed_s=elapsed,
            good=sum(n for code, n in statuses.items() if code.startswith("2")),
            bad={**bad, **errors},
            p50_ms=p50,
            p90_ms=p90,
            p99_ms=p99,
        )


class Vegeta:
    """vegeta: `attack` is measured; `report` reads what it wrote, afterwards."""

    name = "vegeta"

    def __init__(self, program: Path, files: Path) -> None:
        self._program = program
        self._targets = files / "vegeta-targets"
        self._output = files / "vegeta.bin"

    def command(self, load: Load) -> list[str]:
        self._targets.write_text(f"GET {load.url}\n")
        command = [str(self._program), "attack", f"-targets={self._targets}", f"-output={self._output}"]
        command += [f"-duration={self._duration_s(load)}s", f"-timeout={TIMEOUT_S}s"]
        if load.rate:
            command += [f"-rate={load.rate}/1s"]
        else:
            command += ["-rate=0", f"-max-workers={load.connections}", f"-workers={load.connections}"]
            command += [f"-connections={load.connections}"]
        command += ["-insecure"] if load.url.startswith("https") else []
        return [*command, *(["-keepalive=false"] if load.new else [])]

    @staticmethod
    def _duration_s(load: Load) -> float:
        """It has no number of requests to stop at: a rate and a time make one."""
        return load.requests / load.rate if load.requests and load.rate else load.seconds

    def read(self, run: usage.Run, load: Load) -> Figures:
        reader = [str(self._program), "report", "-type=json", str(self._output)]
        report = json.loads(subprocess.run(reader, capture_output=True, check=True).stdout)
        statuses: Mapping[str, int] = report["status_codes"]
        latencies = report["latencies"]
        good = sum(n for code, n in statuses.items() if code.startswith("2"))
        bad = {"no answer" if code == "0" else code: n for code, n in statuses.items() if not code.startswith("2")}
        return Figures(
            requests=report["requests"],
            elapsed_s=(report["duration"] + report["wait"]) / 1e9,
            good=good,
            bad=bad,
            p50_ms=latencies["50th"] / 1e6,
            p90_ms=latencies["90th"] / 1e6,
            p99_ms=latencies["99th"] / 1e6,
        )


class H2load:
    """h2load: HTTP/2 alone; its percentiles are none."""

    name = "h2load"

    def __init__(self, program: Path) -> None:
        self._program = program

    def command(self, load: Load) -> list[str]:
        command = [str(self._program), "-t1", "-c1", f"-m{load.connections}"]
        return [*command, *([f"-n{load.requests}"] if load.requests else [f"-D{load.seconds}"]), load.url]

    def read(self, run: usage.Run, load: Load) -> Figures:
        elapsed = re.search(r"finished in ([\d.]+)(ms|s)", run.output)
        done = re.search(r"requests: .* (\d+) done, (\d+) succeeded, (\d+) failed", run.output)
        if elapsed is None or done is None:
            raise ValueError("no totals")
        requests, good, failed = map(int, done.groups())
        return Figures(
            requests=requests,
            elapsed_s=float(elapsed[1]) / (1e3 if elapsed[2] == "ms" else 1.0),
            good=good,
            bad={"failed": failed} if failed else {},
        )


class K6:
    """k6, with the script beside this file."""

    name = "k6"

    def __init__(self, program: Path, files: Path) -> None:
        self._program = program
        self._summary = files / "k6.json"

    def command(self, load: Load) -> list[str]:
        told = {"URL": load.url, "SECONDS": load.seconds, "VUS": load.connections, "NEW": "yes" if load.new else "no"}
        if load.rate:
            told["RATE"] = load.rate
        elif load.requests:
            told["REQUESTS"] = load.requests
        options = [part for name, value in told.items() for part in ("-e", f"{name}={value}")]
        command = [str(self._program), "run", "--quiet", "--no-usage-report", "--log-output=none"]
        return [*command, f"--summary-export={self._summary}", *options, str(HERE / "k6_script.js")]

    def read(self, run: usage.Run, load: Load) -> Figures:
        metrics = json.loads(self._summary.read_text())["metrics"]
        requests = metrics["http_reqs"]["count"]
        failed = metrics["http_req_failed"]["passes"]
        dropped = metrics.get("dropped_iterations", {}).get("count", 0)
        times = metrics["http_req_duration"]
        bad = {"failed": failed, "dropped": dropped}
        return Figures(
            requests=requests,
            elapsed_s=requests / metrics["http_reqs"]["rate"],
            good=requests - failed,
            bad={name: count for name, count in bad.items() if count},
            p50_ms=times["med"],
            p90_ms=times["p(90)"],
            p99_ms=times["p(99)"],
        )


class Siege:
    """siege, told to keep connections or not by its configuration file; it gives no percentiles."""

    name = "siege"

    def __init__(self, program: Path, files: Path) -> None:
        self._program = program
        self._config = files / "siegerc"

    def command(self, load: Load) -> list[str]:
        self._config.write_text(
            f"connection = {'close' if load.new else 'keep-alive'}\nverbose = false\nlogging = false\n"
            f"show-logfile = false\njson_output = false\ncolor = off\nlimit = 1000\nfailures = 1000000\n"
            f"timeout = {TIMEOUT_S}\n"
        )
        users = load.connections
        end = ["-r", str((load.requests or 0) // users)] if load.requests else ["-t", f"{max(1, round(load.seconds))}S"]
        # Its home is the configuration's folder: it leaves files in the home of whoever starts it.
        home = self._config.parent
        (home / ".siege").mkdir(exist_ok=True)
        command = ["env", f"HOME={home}", str(self._program), "-b", "-R", str(self._config)]
        return [*command, "-c", str(users), *end, load.url]

    def read(self, run: usage.Run, load: Load) -> Figures:
        text = run.output + run.errors
        seconds = _number(r"Elapsed time:\s+([\d.]+)", text)
        if seconds is None:
            raise ValueError("no elapsed time")
        good, failed = _count(r"Transactions:\s+(\d+) hits", text), _count(r"Failed transactions:\s+(\d+)", text)
        return Figures(requests=good + failed, elapsed_s=seconds, good=good, bad={"failed": failed} if failed else {})
