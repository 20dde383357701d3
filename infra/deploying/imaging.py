"""Plans that Docker and Kustomize carry out: Kubernetes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from infra.deploying.catalogue import catalogue
from infra.deploying.distributions import PYTHON
from infra.deploying.packing import Packed, pack_folders
from infra.deploying.plans import Command, Plan, lacking
from infra.deployments import KUBERNETES

SECRET_FILES: Final = ("store-url", "database-password", "master-key", "admin-token")
"""The files beside an overlay of which Kustomize makes the Secret."""
_TOOLS: Final = {
    "docker": "it from https://docs.docker.com",
    "kubectl": "it from https://kubernetes.io/docs/tasks/tools",
}


def plan_kubernetes(build: Path, registry: str, version: str, overlay: Path) -> Plan:
    """Make the folders that images are built of."""
    packed = tuple(pack_folders(KUBERNETES, build))
    return Plan(
        platform="kubernetes",
        engine="PostgreSQL",
        functions=tuple(catalogue(KUBERNETES)),
        packed=packed,
        commands=(*_images(packed, registry, version), ("kubectl", "apply", "-k", str(overlay))),
        missing=(*lacking(**_TOOLS), *_missing_of(overlay)),
    )


def image_of(function: str) -> str:
    """Return what a function's image is called, without registry and tag."""
    return f"litmus-gitops-{function.replace('_', '-')}"


def _images(packed: Iterable[Packed], registry: str, version: str) -> Iterator[Command]:
    """Return how images are made and pushed: the engine's, and that of each function."""
    yield from _image("engine.Dockerfile", (), f"{registry}/{image_of('engine')}:{version}")
    for one in packed:
        told = ("--build-arg", f"FUNCTION={one.function}")
        yield from _image("Dockerfile", told, f"{registry}/{image_of(one.function)}:{version}")


def _image(dockerfile: str, told: Command, name: str) -> Iterator[Command]:
    python = ("--build-arg", f"PYTHON={PYTHON}")
    yield ("docker", "build", "-f", f"infra/kubernetes/{dockerfile}", *python, *told, "-t", name, ".")
    yield ("docker", "push", name)


def _missing_of(overlay: Path) -> Iterator[str]:
    if not (overlay / "kustomization.yaml").is_file():
        yield f"{overlay} holds no kustomization.yaml: copy infra/overlays/functions and make it yours"
    for name in SECRET_FILES:
        if not (overlay / name).is_file():
            yield f"{overlay / name} is not there: write the value into it, as docs/kubernetes.md shows"
