"""Opens remote repositories; what speaks git is loaded at the first of them, since few calls come to one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from shared.clients.git.ssh import Ssh
from shared.clients.git.streams import Patience
from shared.model.hosting import Access
from shared.model.proxies import Proxies
from shared.ports.git import GitRemote

if TYPE_CHECKING:
    from shared.clients.git.opener import Opener


class Remotes:
    """Opens remotes (`ports.GitRemotes`); connections and what servers offer are shared within a process."""

    def __init__(
        self, ssh: Sequence[str] = ("ssh",), patience: Patience | None = None, proxies: Proxies | None = None
    ) -> None:
        self._ssh = Ssh(tuple(ssh), patience or Patience())
        self._proxies = proxies or Proxies()

    def __call__(self, access: Access) -> GitRemote:
        """Return the remote; opening does no I/O (see `Opener`)."""
        return self._opener(access)

    @cached_property
    def _opener(self) -> Opener:
        from shared.clients.git.opener import Opener  # noqa: PLC0415 - dulwich is slow to load

        return Opener(self._ssh, self._proxies)
