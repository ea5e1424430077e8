# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""guestbook: a frontend, an API and redis, three tiers of which only the last keeps anything."""
