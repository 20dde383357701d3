"""Distributions for another machine: real pip, from a folder of wheels."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.deploying import distributions
from infra.deploying.distributions import PYTHON, Machine
from shared.errors import Misconfigured

ARM = Machine("arm64", 26)
TAG = f"cp{PYTHON.replace('.', '')}"
Wheel = Callable[[str, str], str]


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wheel:
    """What makes a wheel of one module, where pip finds wheels and finds them alone; it returns the wheel's pin."""
    house = tmp_path / "wheels"
    house.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(house))

    def make(name: str, tags: str) -> str:
        info = f"{name}-1.0.dist-info"
        content = {
            f"{name}/__init__.py": "VALUE = 1\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: {tags}\n",
            f"{info}/entry_points.txt": f"[console_scripts]\n{name}={name}:main\n",
        }
        rows = [f"{path},sha256={_sum(text)},{len(text)}" for path, text in content.items()]
        content[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
        path = house / f"{name}-1.0-{tags}.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for entry, text in content.items():
                archive.writestr(entry, text)
        return f"{name}==1.0 \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"

    return make


def _sum(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def test_wheels_for_the_other_machine_are_taken_with_their_bytecode(wheel: Wheel, tmp_path: Path) -> None:
    pins = {
        "plain": wheel("plain", "py3-none-any"),
        "fast": wheel("fast", f"{TAG}-{TAG}-manylinux_2_17_aarch64"),
        "newer": wheel("newer", f"{TAG}-{TAG}-manylinux_2_26_aarch64"),
    }
    site = tmp_path / "site"
    distributions.fetch(pins, ARM, site)
    found = {str(path) for path in distributions.files(["fast"], site)}
    compiled = f"fast/__pycache__/__init__.{sys.implementation.cache_tag}.pyc"
    info = {f"fast-1.0.dist-info/{name}" for name in ("METADATA", "WHEEL", "entry_points.txt")}
    assert {"fast/__init__.py", compiled} | info == found
    assert set() == set(distributions.files(["absent"], site))
    assert 0b01 == int.from_bytes((site / compiled).read_bytes()[4:8], "little")
    assert str(tmp_path).encode() not in (site / compiled).read_bytes()


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param(f"{TAG}-{TAG}-manylinux_2_17_x86_64", id="another processor"),
        pytest.param(f"{TAG}-{TAG}-manylinux_2_28_aarch64", id="a newer glibc"),
        pytest.param("cp310-cp310-manylinux_2_17_aarch64", id="another Python"),
    ],
)
def test_a_distribution_that_would_not_run_there_is_named(wheel: Wheel, tags: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=rf"what Python {PYTHON} needs on arm64: .*alien"):
        distributions.fetch({"alien": wheel("alien", tags)}, ARM, tmp_path / "site")


def test_a_wheel_with_another_hash_is_refused(wheel: Wheel, tmp_path: Path) -> None:
    pin = wheel("plain", "py3-none-any")
    forged = f"{pin[:-2]}{'0' if pin[-2] != '0' else '1'}\n"
    with pytest.raises(Misconfigured, match="Expected sha256"):
        distributions.fetch({"plain": forged}, ARM, tmp_path / "site")


def test_markers_are_judged_by_the_machine_there(wheel: Wheel, tmp_path: Path) -> None:
    def marked(name: str, marker: str) -> str:
        return wheel(name, "py3-none-any").replace("==1.0", f"==1.0 ; {marker}", 1)

    pins = {
        "there": marked("there", "platform_machine == 'aarch64' and sys_platform == 'linux'"),
        "elsewhere": marked("elsewhere", "sys_platform == 'win32'"),
    }
    distributions.fetch(pins, ARM, tmp_path / "site")
    assert (True, False) == tuple((tmp_path / "site" / name).is_dir() for name in ("there", "elsewhere"))


def test_what_was_fetched_can_be_imported(wheel: Wheel, tmp_path: Path) -> None:
    distributions.fetch({"plain": wheel("plain", "py3-none-any")}, ARM, tmp_path / "site")
    told = subprocess.run(
        [sys.executable, "-S", "-c", "import plain; print(plain.VALUE)"],
        env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "1\n" == told.stdout
