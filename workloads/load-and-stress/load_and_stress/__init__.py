# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""load-and-stress: makes CPU load in a pod on request, and measures it."""
