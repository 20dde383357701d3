"""Archives: the same files make the same bytes."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from infra.deploying import archives


def test_the_same_files_make_the_same_zip_wherever_and_whenever(tmp_path: Path) -> None:
    made = []
    for place, mode, time in (("here", 0o600, 1_000_000_000), ("there", 0o755, 1_500_000_000)):
        folder = tmp_path / place
        (folder / "a").mkdir(parents=True)
        files = {"main.py": folder / "main.py", "a/b.py": folder / "a" / "b.py"}
        for path in files.values():
            path.write_text("x = 1\n" * 50)
            path.chmod(mode)
            os.utime(path, (time, time))
        order = files if place == "here" else dict(reversed(files.items()))
        made.append(archives.write(tmp_path / f"{place}.zip", order))
    assert made[0].path.read_bytes() == made[1].path.read_bytes()
    assert (made[0].digest, 600, made[0].path.stat().st_size) == (made[1].digest, made[0].content, made[0].size)


def test_another_content_makes_another_digest(tmp_path: Path) -> None:
    digests = set()
    for text in ("x = 1\n", "x = 2\n"):
        (tmp_path / "main.py").write_text(text)
        digests.add(archives.write(tmp_path / "one.zip", {"main.py": tmp_path / "main.py"}).digest)
    assert 2 == len(digests)


def test_what_is_unpacked_can_be_read_by_everyone(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    made = archives.write(tmp_path / "one.zip", {"main.py": tmp_path / "main.py"})
    with zipfile.ZipFile(made.path) as archive:
        assert [0o644] == [one.external_attr >> 16 & 0o777 for one in archive.infolist()]
