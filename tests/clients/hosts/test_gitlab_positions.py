from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from shared.clients.hosts.gitlab.positions import old_line
from tests.gitlabhost import repositories
from tests.gitserver import bare, clone
from tests.payloads import SEED

DIFF = """\
@@ -1,3 +1,4 @@
+new
 one
 two
 three
@@ -10,4 +11,3 @@ ten
 ten
-eleven
 twelve
 thirteen
\\ No newline at end of file
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [(1, None), (2, 1), (4, 3), (5, 4), (10, 9), (11, 10), (12, 12), (13, 13), (14, 14)],
)
def test_a_line_had_a_number_before_unless_it_is_added(line: int, expected: int | None) -> None:
    assert expected == old_line(DIFF, line)


@pytest.mark.parametrize(
    ("diff", "line", "expected"),
    [
        pytest.param("", 7, 7, id="no-diff"),
        pytest.param("@@ -0,0 +1,2 @@\n+a\n+b\n", 2, None, id="new-file"),
        pytest.param("@@ -3,0 +4,1 @@\n+a\n", 3, 3, id="before-a-hunk-without-context"),
        pytest.param("@@ -3,0 +4,1 @@\n+a\n", 5, 4, id="behind-a-hunk-without-context"),
        pytest.param("@@ -4,2 +3,0 @@\n-a\n-b\n", 4, 6, id="behind-a-removal"),
        pytest.param("@@ -1 +1 @@\n-a\n+b\n", 1, None, id="one-line"),
        pytest.param("@@ -1,2 +1,2 @@\n-- a\n+- b\n c\n", 2, 2, id="lists-in-yaml"),
    ],
)
def test_corners_of_diffs(diff: str, line: int, expected: int | None) -> None:
    assert expected == old_line(diff, line)


@pytest.mark.parametrize("seed", [SEED], ids=lambda seed: f"seed-{seed}")
def test_every_line_of_random_changes_had_the_number_that_git_says(tmp_path: Path, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - nothing secret
    person = clone(bare(tmp_path / "chaos.git"), tmp_path / "clone")
    text = [f"line {number}" for number in range(60)]
    person.write("cart.yaml", "\n".join(text))
    before = person.push()
    for _ in range(8):
        text = changed(text, chance)
        person.write("cart.yaml", "\n".join(text))
        after = person.push()
        (file,) = repositories.file_diffs(person.folder, before, after) or [{"diff": ""}]
        expected = repositories.lines(person.folder, before, after, "cart.yaml", "cart.yaml")
        assert expected == {line: old_line(file["diff"], line) for line in expected}
        before = after


def changed(text: list[str], chance: Random) -> list[str]:
    """Return lines of which some were added, some removed and some written anew."""
    found = [line for line in text if chance.random() > 0.05]
    for _ in range(chance.randrange(6)):
        found.insert(chance.randrange(len(found) + 1), f"line {chance.randrange(1000)}")
    return found
