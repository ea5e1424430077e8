# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""HTTP/2 (RFC 9113) in the load engine: many requests on one connection, each with its one outcome."""
