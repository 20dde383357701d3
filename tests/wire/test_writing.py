from __future__ import annotations

import json

import pytest
import yaml

from shared.errors import BadInput
from shared.wire.writing import manifest_text

MANIFEST = {
    "kind": "Workflow",
    "apiVersion": "argoproj.io/v1alpha1",
    "data": "kind: ChaosEngine\nspec: {}\n",
    "on": "ü",
}


def test_a_json_manifest_becomes_yaml_in_its_own_order() -> None:
    text = manifest_text(json.dumps(MANIFEST).encode()).decode()
    assert list(MANIFEST.items()) == list(yaml.safe_load(text).items())
    assert "data: |\n  kind: ChaosEngine\n" in text


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"[" * 100_000, b"\xff"])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput, match="no JSON"):
        manifest_text(body)
