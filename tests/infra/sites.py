"""What a bundle is started with: settings, and a folder of links to what its pins name and to nothing else."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from infra.bench.processes import HOST
from infra.local.folder import furnish

CLUSTER = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "none",
    "clusters": [{"name": "none", "cluster": {"server": f"http://{HOST}:9"}}],
    "users": [{"name": "none", "user": {}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
}

PIN = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


def linked(names: Iterable[str], folder: Path) -> Path:
    """Make a folder in which nothing can be imported but these distributions, as they are installed here."""
    folder.mkdir()
    for name in names:
        owned = importlib.metadata.files(name) or []
        for top in {file.parts[0] for file in owned} - {"..", "__pycache__"} - {link.name for link in folder.iterdir()}:
            (folder / top).symlink_to(Path(sysconfig.get_path("purelib")) / top)
    return folder


def only_pinned(bundle: Path, folder: Path, *more: str) -> Path:
    """Make a folder in which nothing can be imported but the distributions that a bundle pins, and these."""
    return linked([*PIN.findall((bundle / "requirements.txt").read_text()), *more], folder)


def settings(folder: Path) -> dict[str, str]:
    """What a deployment tells a function, whichever it is."""
    furnish(folder)
    (folder / "kubeconfig").write_text(json.dumps(CLUSTER))
    told = {"DATA_DIR": str(folder), "ADMIN_TOKEN": "owner", "KUBECONFIG": str(folder / "kubeconfig")}
    return told | {"CLUSTER_ID": "prod", "PORTAL_URL": f"http://{HOST}:9", "SUBSCRIBER_SECRET": "whsec_YWJjZA=="}
