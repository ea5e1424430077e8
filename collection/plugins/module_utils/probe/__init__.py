# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The load engine: every planned request ends in exactly one outcome. Standard library only; knows HTTP and time.

`python -m probe --help` (with module_utils on PYTHONPATH) is the command; docs/probe-result.md describes its record.
"""
