"""The header `traceparent` of a caller (W3C Trace Context): read, so that what a call causes is in the caller's trace.

What is no `traceparent` by the standard's own rules is as good as none: a call is never refused for it. `tracestate` is
not passed on, as a participant may decide (section 3.5 says how one that does must).
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.model.traces import NAME, valid


def continued(headers: Mapping[str, str]) -> str:
    """Return a caller's trace context in version 00, empty where there is none or an invalid one.

    Header names are lower case. Of a later version the part that is known is taken (section 4.3).
    """
    return valid(headers.get(NAME, ""))
