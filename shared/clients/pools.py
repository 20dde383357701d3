"""Connections to git hosts over http(s): whom they trust, and through what they go."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import urllib3

from shared.clients.trust import trusting


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
