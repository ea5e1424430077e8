# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The TLS settings of a probe: verified by default, off only when asked."""

from __future__ import annotations

import ssl

from .arguments import OptionError
from .options import Options

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def client_context(options: Options) -> ssl.SSLContext:
    """One context for all connections. Raises OptionError when a PEM file is none."""
    context = ssl.create_default_context()
    try:
        if options.ca_file is not None:
            context = ssl.create_default_context(cafile=options.ca_file)
    except (ssl.SSLError, OSError) as error:
        raise OptionError(f"ca_file: {options.ca_file} holds no PEM certificate ({error})") from error
    if options.tls_min_version is not None:
        context.minimum_version = _VERSIONS[options.tls_min_version]
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.http2:
        context.set_alpn_protocols(["h2"])
    if options.client_cert is not None:
        try:
            context.load_cert_chain(options.client_cert, options.client_key)
        except (ssl.SSLError, OSError) as error:
            raise OptionError(f"client_cert: {options.client_cert} and its key do not load ({error})") from error
    return context
