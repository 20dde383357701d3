"""The header `traceparent` of a caller (W3C Trace Context): read, so that what a call causes is in the caller's trace.

What is no `traceparent` by the standard's own rules is as good as none: a call is never refused for it. `tracestate` is
not passed on, as a participant may decide (section 3.5 says how one that does must).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

HEADER: Final = "traceparent"

_FIELDS: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII | re.DOTALL)
_SAMPLED: Final = 1
"""The one flag that version 00 knows; the others must not be passed on."""


def continued(headers: Mapping[str, str]) -> str:
    """Return a caller's trace context in version 00, empty where there is none or an invalid one.

    Header names are lower case. Of a later version the part that is known is taken (section 4.3).
    """
    return valid(headers.get(HEADER, ""))


def valid(text: str) -> str:
    """Return a trace context in version 00, empty where the text is none (section 3.2.2)."""
    found = _FIELDS.fullmatch(text)
    if found is None:
        return ""
    version, trace, span, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not (trace.strip("0") and span.strip("0")):
        return ""
    return f"00-{trace}-{span}-{int(flags, 16) & _SAMPLED:02x}"
