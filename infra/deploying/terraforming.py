"""Plans that Terraform carries out: AWS and Google Cloud."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from infra.deploying.catalogue import catalogue
from infra.deploying.distributions import PYTHON, Machine
from infra.deploying.packing import LAMBDA_CONTENT, LAMBDA_UPLOAD, Packed, pack_sources, pack_whole
from infra.deploying.plans import Plan, lacking
from infra.deployments import AWS, GCP, ROOT, Deployment
from shared.errors import Misconfigured

ENGINES: Final = {"aws": "DynamoDB and SQS", "gcp": "PostgreSQL (Cloud SQL) and Pub/Sub"}
NEEDED: Final = {"aws": ("region",), "gcp": ("project", "region", "domain")}
"""Variables of each module that only the operator can say."""
_PAGES: Final = {"aws": "docs/aws.md", "gcp": "docs/google-cloud.md"}
_TERRAFORM: Final = "1.11 or newer from https://developer.hashicorp.com/terraform/install"
_AMAZON_LINUX_2, _AMAZON_LINUX_2023 = 26, 34
"""The minor version of glibc 2 on Lambda: Amazon Linux 2 for Python 3.11, Amazon Linux 2023 from 3.12 on."""


def plan_aws(build: Path, architecture: str, var_files: Iterable[Path], *, approved: bool = False) -> Plan:
    """Make the zips for Lambda, and tell Terraform of them, which asks nobody if it is `approved` already.

    Raises `Misconfigured` if Lambda would not take them.
    """
    glibc = _AMAZON_LINUX_2 if PYTHON == "3.11" else _AMAZON_LINUX_2023
    packed = tuple(pack_whole(AWS, build, Machine(architecture, glibc)))
    _check_sizes(packed)
    told = {"bundles": str(build), "runtime": f"python{PYTHON}", "architecture": architecture}
    return _plan(AWS, packed, (*var_files, _say(build, told)), approved=approved)


def plan_gcp(build: Path, var_files: Iterable[Path], *, approved: bool = False) -> Plan:
    """Make the zips for Cloud Run functions, and tell Terraform of them, which asks nobody if it is `approved`."""
    packed = tuple(pack_sources(GCP, build))
    told = {"bundles": str(build), "runtime": f"python{PYTHON.replace('.', '')}"}
    return _plan(GCP, packed, (*var_files, _say(build, told)), approved=approved)


def _plan(deployment: Deployment, packed: tuple[Packed, ...], var_files: Iterable[Path], *, approved: bool) -> Plan:
    name = deployment.name
    terraform = ("terraform", f"-chdir={ROOT / 'infra' / name}")
    files = [path.resolve() for path in var_files]
    words = ["apply", *(["-auto-approve"] if approved else []), *(f"-var-file={path}" for path in files)]
    return Plan(
        platform=name,
        engine=ENGINES[name],
        functions=tuple(catalogue(deployment)),
        packed=packed,
        commands=((*terraform, "init"), (*terraform, *words)),
        missing=(*lacking(terraform=_TERRAFORM), *_unsaid(name, files)),
    )


def _unsaid(platform: str, var_files: Iterable[Path]) -> Iterator[str]:
    """Tell of each variable that has no value: in the environment, in a file that Terraform reads, or in one given."""
    folder = ROOT / "infra" / platform
    own = [folder / "terraform.tfvars", *folder.glob("*.auto.tfvars")]
    texts = [path.read_text(encoding="utf-8") for path in (*own, *var_files) if path.is_file()]
    for name in NEEDED[platform]:
        said = any(re.search(rf'^\s*"?{name}"?\s*[=:]', text, re.MULTILINE) for text in texts)
        if not (said or os.environ.get(f"TF_VAR_{name}")):
            yield f'{name} is not said: write {name} = "…" into {own[0]}, as {_PAGES[platform]} shows'


def _say(build: Path, told: Mapping[str, str]) -> Path:
    path = build / "bundles.tfvars.json"
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return path


def _check_sizes(packed: Iterable[Packed]) -> None:
    for one in packed:
        if one.size > LAMBDA_UPLOAD or one.content > LAMBDA_CONTENT:
            raise Misconfigured(
                f"{one.path} has {one.size} bytes, {one.content} unpacked; Lambda takes {LAMBDA_UPLOAD} and "
                f"{LAMBDA_CONTENT}: find what grew, `python -m infra.bundling list --for aws` shows it"
            )
