#!/usr/bin/env python3
# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The benchmark: install the peers, run the parts, write docs/bench.md. `make bench` calls it.

The results of each part are also kept beside the built peers in the cache folder, so that one part can be measured
again (`run.py open`) and the page still shows all of them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # `python -m bench.run` works as well as `python bench/run.py`

import page
import peers
from cores import two_cores
from setting import Setting

DOCS = Path(__file__).parent.parent / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*page.PARTS, []], help="which parts (all of them by default)")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of one run (default 8)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each client runs (default 3)")
    parser.add_argument("--requests", type=int, default=10_000_000, help="of the endurance part (default 10,000,000)")
    parser.add_argument("--output", type=Path, default=DOCS / "bench.md", help="the page to write")
    options = parser.parse_args()
    server_core, client_core = two_cores()
    programs = peers.install()
    kept = peers.cache_dir() / f"results-{options.output.stem}.json"
    results = json.loads(kept.read_text()) if kept.exists() else {}
    with tempfile.TemporaryDirectory(prefix="bench-") as files:
        setting = Setting(
            programs, server_core, client_core, options.seconds, options.rounds, options.requests, Path(files)
        )
        for name in options.parts or page.PARTS:
            print(f"bench: {name} …", file=sys.stderr, flush=True)
            results[name] = {
                "results": page.PARTS[name].run(setting),
                "seconds": options.seconds,
                "rounds": options.rounds,
                "at": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            }
            kept.write_text(json.dumps(results))
            page.write(options.output, results)
    print(f"bench: wrote {options.output}")


if __name__ == "__main__":
    main()
