"""References to secrets that we were given; the value behind one is resolved elsewhere, at each use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from shared.errors import Invalid

_FORMS: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    "env": (re.compile(r"LITMUS_GITOPS_SECRET_[A-Z0-9_]+"), "env:LITMUS_GITOPS_SECRET_…"),
    "file": (re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"), "file:NAME"),
    "aws-sm": (re.compile(r"[A-Za-z0-9_.-][A-Za-z0-9/_+=.@-]{0,199}(#[A-Za-z0-9_.-]{1,80})?"), "aws-sm:NAME[#KEY]"),
    "gcp-sm": (re.compile(r"[A-Za-z0-9_-]{1,200}(#[A-Za-z0-9_.-]{1,80})?"), "gcp-sm:NAME[#KEY]"),
}
"""What may follow each scheme, and how the whole is written."""


class Reference(msgspec.Struct, frozen=True):
    """Where a secret is: `env:LITMUS_GITOPS_SECRET_…`, `file:NAME` inside the secrets folder, or in a cloud's vault."""

    scheme: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference; what is none is refused without repeating it, since it may be the secret itself."""
        scheme, _, name = text.partition(":")
        pattern, _ = _FORMS.get(scheme, (None, ""))
        if pattern is None or not pattern.fullmatch(name):
            forms = [form for _, form in _FORMS.values()]
            known = f"{', '.join(forms[:-1])} or {forms[-1]}"
            raise Invalid(f"a secret is named by reference, {known}: this is none of them")
        return cls(scheme, name)


def is_reference(text: str) -> bool:
    """Whether a text that may also be an address is a reference: `Invalid` if it begins as one and is none."""
    return text.partition(":")[0] in _FORMS and bool(Reference.parse(text))
