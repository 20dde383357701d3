"""What a push costs at the git host: at most four requests, whatever was changed in however many files."""

from __future__ import annotations

import pytest

from tests.services.gitops import FOLDER, Shop, engine

MOST = 4


class Folder:
    """The files of a repository: some at the top, the others in folders of their own."""

    def __init__(self, shop: Shop, size: int) -> None:
        self.shop, self.names = shop, [_name(number) for number in range(size)]
        self.shop.write(**{name: engine(f"e-{number}") for number, name in enumerate(self.names)})

    def change(self, count: int, turn: str) -> None:
        """Change this many files: every fourth is removed, the next is renamed, the others are edited."""
        for number, name in enumerate(self.names[:count]):
            if number % 4 == 1:
                self.shop.remove(name)
            elif number % 4 == 2:
                self._move(name, f"moved/{turn}/{name}")
            else:
                self.shop.write(**{name: engine(f"{turn}-{number}")})
        kept = self.shop.person.folder / FOLDER
        self.names = sorted(str(path.relative_to(kept)).removesuffix(".yaml") for path in kept.rglob("*.yaml"))

    def _move(self, old: str, new: str) -> None:
        folder = self.shop.person.folder / FOLDER
        (folder / f"{new}.yaml").parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{old}.yaml").rename(folder / f"{new}.yaml")


def _name(number: int) -> str:
    return f"e{number:05}" if number % 3 else f"team-{number % 7}/area-{number % 11}/e{number:05}"


def _requests(shop: Shop) -> int:
    """Sync what was pushed and return how many requests that took."""
    shop.server.exchanges.clear()
    shop.push()
    shop.work()
    assert (None, 0) == (shop.state().problem, shop.state().invalid)
    return len(shop.server.exchanges)


def _check(shop: Shop, size: int, changes: list[int]) -> None:
    """Claim that the first import, and every push after it, takes few requests and ends in what git has."""
    folder = Folder(shop, size)
    assert _requests(shop) == MOST
    for turn, count in enumerate(changes):
        folder.change(min(count, size), f"turn-{turn}")
        assert _requests(shop) < MOST
        assert set(folder.names) == shop.experiments().keys()


def test_a_push_into_a_small_repository_takes_at_most_four_requests(shop: Shop) -> None:
    _check(shop, 10, [1, 10, 0])


def test_a_push_into_a_large_repository_takes_at_most_four_requests(shop: Shop) -> None:
    _check(shop, 1_000, [1, 50, 400])


@pytest.mark.soak
def test_a_push_into_a_huge_repository_takes_at_most_four_requests(shop: Shop) -> None:
    _check(shop, 9_000, [1, 50, 400, 9_000])


def test_a_process_that_begins_anew_takes_one_request_more_and_no_more(shop: Shop) -> None:
    _check(shop, 20, [5])
    shop.renew()
    folder = Folder(shop, 30)
    folder.change(30, "anew")
    assert _requests(shop) == MOST
