"""`python -m infra.local`: the engine with the settings of the environment alone."""

from __future__ import annotations

import sys

from infra.local.engine import serve
from infra.local.settings import LocalSettings
from shared.errors import Misconfigured

if __name__ == "__main__":
    try:
        settings = LocalSettings.read()
    except Misconfigured as error:
        sys.exit(f"litmus-gitops cannot start: {error}")
    sys.exit(serve(settings.port, settings.data_dir))
