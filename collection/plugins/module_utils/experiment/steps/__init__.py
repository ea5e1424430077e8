# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The kinds of steps: one small file each, joined by `table`. A new disturbance is one file and one line there."""
