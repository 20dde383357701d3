"""The API's experiments over a project in a real repository, and who calls them."""

from __future__ import annotations

from typing import Any

import yaml

from shared.clients.ids import new_id
from shared.services.api.conflicts import ConflictDesk
from shared.services.api.desk import Desk
from shared.services.api.experiments import Experiments
from tests.services.api.conftest import Api, client
from tests.services.gitops import Shop, engine

EXPERIMENTS = "/projects/shop/experiments"
CART = f"{EXPERIMENTS}/cart-1"
TEXT = engine("cart", "cart-1")
MANIFEST = yaml.safe_load(TEXT)


def opened(shop: Shop) -> Api:
    """Return a caller of the shop's API; git has the experiment `cart-1`."""
    if "cart" not in shop.experiments():
        shop.write(cart=TEXT)
        shop.push()
        shop.work()
    desk = Desk(shop.store, shop.clock, new_id, bytes(32), "https://portal.example.org", allow_local=True)
    conflicts = ConflictDesk(desk, shop.conflicts)
    return client([*Experiments(desk, shop.edits).operations(), *conflicts.operations()])


def put(api: Api, text: str, path: str = CART, **headers: str) -> Any:
    """Write a file as YAML."""
    return api("PUT", path, text.encode(), **{"content_type": "application/yaml", **headers})


def etag(api: Api) -> str:
    """Return the ETag of `cart-1` as it is shown."""
    return api("GET", CART).headers["ETag"]
