"""Repositories on GitHub where git alone does not do: a GitHub App logs in, or GitHub is to sign our commits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

import msgspec

from shared.clients.git.places import TOKEN_USER, Place
from shared.clients.git.refusals import LoginRefused
from shared.clients.git.remotes import Remote, Source
from shared.clients.git.trees import edited, root_of
from shared.clients.hosts.github.addresses import address
from shared.clients.hosts.github.apps import app_of, credential
from shared.clients.hosts.github.calls import Calls
from shared.clients.hosts.github.signing import Signing
from shared.clients.hosts.web import Pools
from shared.errors import Invalid
from shared.model.experiments import Draft
from shared.model.hosting import Access

T = TypeVar("T")


class GitHubRemote:
    """Implements `ports.GitRemote`; a token that was refused is minted anew once."""

    def __init__(self, access: Access, sources: Callable[[Access], Source], pools: Pools) -> None:
        where = address(access)
        line = pools.line(where.api, access.ca)
        self._access, self._sources = access, sources
        self._credential = credential(access.credential, where, line)
        calls = Calls(where.api, line, self._credential)
        self._signing = Signing(calls, where, Place.parse(access.url)) if access.signed else None
        self._opened: tuple[str | None, Remote] | None = None

    def head(self, branch: str) -> str | None:
        """Return the commit at the branch's head, None if there is no such branch."""
        return self._done(lambda remote: remote.head(branch))

    def moved(self) -> str | None:
        """Return where the host said that the repository is by now, None where that is its address; no request."""
        return self._opened[1].moved() if self._opened else None

    def files(self, commit: str, folder: str) -> tuple[str | None, dict[str, str]]:
        """Return the folder's tree and the manifests below it: path → blob."""
        return self._done(lambda remote: remote.files(commit, folder))

    def blobs(self, commit: str, ids: Iterable[str]) -> dict[str, bytes]:
        """Return contents by blob id."""
        wanted = list(ids)
        return self._done(lambda remote: remote.blobs(commit, wanted))

    def commit_files(self, branch: str, expected: str | None, draft: Draft, onto: str | None = None) -> str:
        """Commit the draft, as GitHub's own signed commit where that is asked for."""
        return self._done(lambda remote: remote.commit_files(branch, expected, draft, onto))

    def note(self, commit: str, compose: Callable[[str], str], at: datetime) -> bool:
        """Replace the note of `commit`; notes are unsigned, since GitHub signs on branches alone."""
        return self._done(lambda remote: remote.note(commit, compose, at))

    def _done(self, act: Callable[[Remote], T]) -> T:
        token = self._credential.token()
        try:
            return act(self._remote(token))
        except LoginRefused:
            if not self._credential.refused(token):
                raise
            return act(self._remote(self._credential.token()))

    def _remote(self, token: str | None) -> Remote:
        if self._opened is None or self._opened[0] != token:
            source = self._sources(self._login(token))
            remote = Remote(source) if self._signing is None else _Signed(source, self._signing)
            self._opened = (token, remote)
        return self._opened[1]

    def _login(self, token: str | None) -> Access:
        """Return how git logs in; an App's tokens are taken over https only, whatever the address says."""
        if app_of(self._access.credential) is None:
            return self._access
        place = Place.parse(self._access.url)
        url = place.url if place.scheme in {"http", "https"} else f"https://{place.host}/{place.path.strip('/')}"
        return msgspec.structs.replace(self._access, url=url, credential=f"{TOKEN_USER}:{token}")


class _Signed(Remote):
    """Reads by git and lets GitHub commit."""

    def __init__(self, source: Source, signing: Signing) -> None:
        super().__init__(source)
        self._signing = signing

    def commit_files(self, branch: str, expected: str | None, draft: Draft, onto: str | None = None) -> str:
        """Have GitHub commit the draft; only the first commit of an empty repository is made by git, unsigned."""
        parent = expected or onto
        if not parent:
            return super().commit_files(branch, expected, draft, onto)
        changes = self._changes(parent, draft)
        if not changes:
            if not expected:
                raise Invalid("a branch cannot begin with a commit that changes nothing")
            return expected
        if not expected:
            self._signing.begin(branch, parent)
        return self._signing.commit(branch, parent, msgspec.structs.replace(draft, changes=changes))

    def _changes(self, parent: str, draft: Draft) -> dict[str, bytes | None]:
        """Return what changes anything: GitHub refuses to delete what is not there, and commits even nothing."""
        with self._source.looking_up(parent.encode()) as look_up:
            root = root_of(look_up, parent.encode())
            return {path: text for path, text in draft.changes.items() if edited(look_up, root, {path: text})}
