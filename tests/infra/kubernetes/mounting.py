"""A Secret in a pod's file system."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from infra.kubernetes.applying import Served
from infra.kubernetes.certificates import Pair


def mount(folder: Path, pair: Pair | Served) -> None:
    """Put a pair where the kubelet would: all files change at once, by a link that is replaced."""
    version = folder / f"..{time.monotonic_ns()}"
    version.mkdir(parents=True)
    (version / "tls.crt").write_bytes(pair.certificate)
    (version / "tls.key").write_bytes(pair.key)
    link = folder / "..new"
    link.symlink_to(version.name)
    link.replace(folder / "..data")
    for name in ("tls.crt", "tls.key"):
        with suppress(FileExistsError):
            (folder / name).symlink_to(f"..data/{name}")
