"""YAML to try, and both parsers to try it with."""

from __future__ import annotations

import pytest
import yaml

from shared.wire.yaml import FASTEST

BOTH = pytest.mark.parametrize(
    "loader", [pytest.param(FASTEST, id="libyaml"), pytest.param(yaml.SafeLoader, id="pure Python")]
)
