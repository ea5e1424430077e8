# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What every workload of the lab shares: settings, health, identifying headers, a server that drains.

A workload is a Flask application and one call::

    from lab_workload import Lifecycle, serve

    serve(create_app(lifecycle), lifecycle, port=5000)
"""

from __future__ import annotations

from .health import add_health
from .identity import Identity
from .lifecycle import Lifecycle
from .server import serve
from .settings import SettingError, env_choice, env_number, env_text

__all__ = [
    "Identity",
    "Lifecycle",
    "SettingError",
    "add_health",
    "env_choice",
    "env_number",
    "env_text",
    "serve",
]
