from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from shared.edge.routing import Router
from shared.model.calls import Answer, Call
from shared.services.api import page

Get = Callable[[str], Answer]
POLICY = "default-src 'none'"


class Elements(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def named(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in tags]


@pytest.fixture
def get() -> Get:
    router = Router(page.routes())
    return lambda path: router.find("GET", path)[0].handler(Call("GET", path))


def text(get: Get, path: str) -> str:
    found = get(path).body
    assert isinstance(found, bytes)
    return found.decode()


@pytest.mark.parametrize(
    ("path", "media"), [("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")]
)
def test_the_page_and_its_assets_are_served_to_everyone_under_a_strict_policy(get: Get, path: str, media: str) -> None:
    answer = get(path)
    assert (200, True) == (answer.status, answer.headers["Content-Type"].startswith(media))
    assert answer.headers["Content-Security-Policy"].startswith(POLICY)
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert ("nosniff", "no-referrer") == (answer.headers["X-Content-Type-Options"], answer.headers["Referrer-Policy"])


def test_the_policy_blocks_nothing_that_the_page_uses(get: Get) -> None:
    elements = Elements(text(get, "/"))
    assert not elements.named("style", "iframe", "object", "img", "base")
    loaded = [one.get("src") or one.get("href") for one in elements.named("script", "link")]
    assert ["/page.css", "/page.js"] == sorted(one for one in loaded if one)
    assert len(elements.named("script")) == 1
    assert not [name for _, attributes in elements.found for name in attributes if name.startswith("on")]
    assert not [attributes for _, attributes in elements.found if "style" in attributes]


def test_data_is_never_read_as_markup(get: Get) -> None:
    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(", text(get, "/page.js")
    )


def test_every_element_that_the_script_names_is_there_once(get: Get) -> None:
    ids = [attributes["id"] for _, attributes in Elements(text(get, "/")).found if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'byId\("([\w-]+)"\)', text(get, "/page.js"))) <= set(ids)


def test_everything_that_can_be_used_has_a_name(get: Get) -> None:
    html = text(get, "/")
    elements = Elements(html)
    assert [{"lang": "en"}] == elements.named("html")
    for attributes in elements.named("input", "select"):
        assert re.search(rf'<label[^>]*>[^<]*\w[^<]*<(?:input|select)[^>]*id="{attributes["id"]}"', html), attributes
    for attributes in elements.named("table", "section"):
        title = attributes.get("aria-labelledby")
        assert re.search(rf'<h2 id="{title}">\w', html), attributes


def test_the_token_is_kept_for_the_tab_alone(get: Get) -> None:
    script = text(get, "/page.js")
    assert "sessionStorage" in script
    assert not re.findall(r"localStorage|document\.cookie|console\.", script)
