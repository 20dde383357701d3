"""What a person reads once the engine serves."""

from __future__ import annotations

from infra.local.settings import LocalSettings

_GREETING = """\
litmus-gitops serves {url}  (data in {data})

  page    {url}/
  token   {token}

  next    open the page and paste the token, or:
            litmus-gitops project create shop
            litmus-gitops project enable shop --repo <address of your git repository>
            litmus-gitops cluster add --help
  stop    Ctrl-C; nothing is lost either way

"""


def greeting(url: str, token: str, settings: LocalSettings) -> str:
    """Return the page's address, the owner's token and the next steps; a token that was given is not repeated."""
    shown = token if settings.admin_token is None else "the one in ADMIN_TOKEN"
    return _GREETING.format(url=url, data=settings.data_dir.resolve(), token=shown)
