"""References to secrets that we were given; the value behind one is resolved elsewhere, at each use."""

from __future__ import annotations

import re

import msgspec

from shared.errors import Invalid

_FORMS = {
    "env": re.compile(r"LITMUS_GITOPS_SECRET_[A-Z0-9_]+"),
    "file": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"),
}


class Reference(msgspec.Struct, frozen=True):
    """Where a secret is: `env:LITMUS_GITOPS_SECRET_…` or `file:NAME` inside the secrets folder."""

    scheme: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference; what is none is refused without repeating it, since it may be the secret itself."""
        scheme, _, name = text.partition(":")
        pattern = _FORMS.get(scheme)
        if pattern is None or not pattern.fullmatch(name):
            raise Invalid("a secret is named by reference, env:LITMUS_GITOPS_SECRET_… or file:NAME: this is neither")
        return cls(scheme, name)
