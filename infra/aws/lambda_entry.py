"""What Lambda loads and calls, beside `main.py` in a bundle: the handler of every function is `lambda_entry.handler`.

FUNCTION_TARGET names the function; FUNCTION_SOURCE, unless it is the `main.py` beside this file, says where it is.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from infra.aws.entry import load
from infra.aws.own_secrets import reveal
from shared.environment import needed

logging.getLogger().handlers.clear()  # Lambda's own would write each record once more, with the secrets left in
reveal(os.environ)
handler = load(
    needed(os.environ, "FUNCTION_TARGET"),
    Path(os.environ.get("FUNCTION_SOURCE") or Path(__file__).with_name("main.py")),
).handle
