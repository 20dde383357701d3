from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.clients.conformance.engines import ENGINES, Engine


@pytest.fixture(params=ENGINES)
def new_engine(request: pytest.FixtureRequest) -> Callable[[], Engine]:
    factory: Callable[[], Engine] = request.param
    return factory


@pytest.fixture
def costs(new_engine: type[Engine]) -> int:
    """How many times less is tried of the engine."""
    return new_engine.costs


@pytest.fixture
def engine(new_engine: Callable[[], Engine]) -> Iterator[Engine]:
    made = new_engine()
    yield made
    made.close()
