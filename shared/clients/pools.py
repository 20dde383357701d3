"""Connections to git hosts over http(s): whom they trust, and through what they go."""

from __future__ import annotations

import ssl
from urllib.parse import unquote, urlsplit

import urllib3

from shared.errors import Misconfigured


def open_pool(
    ca: str | None, proxy: str | None, timeout: urllib3.Timeout, retries: urllib3.Retry | None = None
) -> urllib3.PoolManager:
    """Return connections that trust `ca` (PEM), or else the system's CAs, and go through `proxy`, if any.

    Without `retries` a request is sent once. `proxy` is `http://user:password@host:port`. Raises `Misconfigured` if the
    bundle holds no certificates.
    """
    context, again = trusting(ca), retries or False
    if proxy is None:
        return urllib3.PoolManager(maxsize=4, timeout=timeout, retries=again, ssl_context=context)
    parts = urlsplit(proxy)
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    headers = urllib3.make_headers(proxy_basic_auth=login) if parts.username else None
    return urllib3.ProxyManager(
        proxy, maxsize=4, timeout=timeout, retries=again, ssl_context=context, proxy_headers=headers
    )


def trusting(ca: str | None) -> ssl.SSLContext:
    """Return what trusts these certificates alone, or the system's; an empty bundle does not stand for the system's."""
    try:
        return ssl.create_default_context(cadata="none" if ca == "" else ca)
    except (ssl.SSLError, ValueError) as error:
        raise Misconfigured("the secret that `ca_bundle` names holds no certificates in PEM") from error
