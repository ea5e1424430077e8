# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Brings pip into an empty virtual environment, in place of the get-pip.py that ansible-test would download.

Python ships a pip of its own; that one fetches the version that ansible-test asks for from the package index as it is
configured on this machine.
"""

from __future__ import annotations

import subprocess
import sys

if __name__ == "__main__":
    # In a process of its own: ensurepip turns pip's configuration off for the process that it runs in.
    subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
    asked = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
    sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "--quiet", *asked]))
