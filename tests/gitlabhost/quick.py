"""Quick actions: a line of a note or description that begins with a slash and a known word is obeyed and taken out."""

from __future__ import annotations

import re

from tests.gitlabhost.state import Merge

_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_KNOWN = re.compile(r"^\s*/(close|merge|approve|title|label|assign|draft)\b.*\n?", re.MULTILINE)


def obeyed(one: Merge, text: str) -> str:
    """Do what the text commands, of which `/close` stands for all, and return what is left of it."""
    code = _CODE.search(text)
    if code:
        return obeyed(one, text[: code.start()]) + code[0] + obeyed(one, text[code.end() :])
    if any(found[1] == "close" for found in _KNOWN.finditer(text)):
        one.state = "closed"
    return _KNOWN.sub("", text)
