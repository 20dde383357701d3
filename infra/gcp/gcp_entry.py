"""What functions-framework loads in place of `main.py`, which is beside it: `GOOGLE_FUNCTION_SOURCE=gcp_entry.py`.

FUNCTION_TARGET names the function, as ever; whatever is not for this entry goes to it as it came.
"""

from __future__ import annotations

import os
from pathlib import Path

from infra.gcp.entry import load
from infra.gcp.own_secrets import reveal
from shared.environment import needed

reveal(os.environ)
_target = needed(os.environ, "FUNCTION_TARGET")
globals()[_target] = load(_target, Path(__file__).with_name("main.py"))
