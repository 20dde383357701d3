"""Whose certificates are trusted."""

from __future__ import annotations

import ssl

from shared.errors import Misconfigured


def trusting(ca: str | None) -> ssl.SSLContext:
    """Return what trusts these certificates alone, or the system's; an empty bundle does not stand for the system's."""
    try:
        return ssl.create_default_context(cadata="none" if ca == "" else ca)
    except (ssl.SSLError, ValueError) as error:
        raise Misconfigured("the secret that `ca_bundle` names holds no certificates in PEM") from error
