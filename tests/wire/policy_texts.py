"""Policies to try, and how to read them."""

from __future__ import annotations

import json
from typing import Final

from shared.model.experiments import Problem
from shared.model.policies import Policy
from shared.wire.documents import Document
from shared.wire.policies import read_policy
from shared.wire.yaml import read_yaml

HEAD: Final = "apiVersion: eventtracker.litmuschaos.io/v1\nkind: EventTrackerPolicy\nmetadata:\n  name: grown\n"
CONDITION: Final = '{"key": "spec.replicas", "operator": "Change"}'
SPEC: Final = f"spec:\n  conditions: [{CONDITION}]\n"


def read(text: str) -> Policy | Problem:
    document = read_yaml(text.encode())
    assert isinstance(document, Document), document
    return read_policy(document)


def annotated(**extras: str) -> str:
    lines = "".join(f"    litmuschaos.io/policy-{name}: {json.dumps(value)}\n" for name, value in extras.items())
    return f"{HEAD}  annotations:\n{lines}{SPEC}"
