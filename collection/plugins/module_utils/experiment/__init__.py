# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One experiment is one plan, run by one process beside the cluster: recorder, load and steps on one clock.

The only room that knows `probe` (HTTP and time) and `cluster` (Kubernetes) both. Nothing imports it but its modules and
its command (`python -m …experiment PLAN.json`). docs/experiment.md describes plan, record and journal.
"""
