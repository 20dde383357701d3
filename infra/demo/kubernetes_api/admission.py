"""Calls validating webhooks before a write, by the rules of their configurations."""

from __future__ import annotations

import base64
import json
import ssl
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import urllib3

from infra.demo.kubernetes_api import refusals, reviews, selectors
from infra.demo.kubernetes_api.documents import lookup
from infra.demo.kubernetes_api.resources import WEBHOOKS
from infra.demo.kubernetes_api.storage import Key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.demo.kubernetes_api.documents import Document
    from infra.demo.kubernetes_api.reviews import Attempt
    from infra.demo.kubernetes_api.storage import Storage

CONFIGURATIONS = f"validatingwebhookconfigurations.{WEBHOOKS}"
HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, */*",
    "Accept-Encoding": "gzip",
    "User-Agent": "kube-apiserver-admission",
}


@dataclass
class Admission:
    """Asks every webhook whose rules match.

    `clientConfig.url` only, over http as well as https; a `service` does not answer, since that needs a cluster's
    network. `matchConditions` are CEL and are not evaluated: whatever the rules and selectors match is sent.
    """

    storage: Storage
    _pools: dict[str, urllib3.PoolManager] = field(default_factory=dict)

    def check(self, attempt: Attempt) -> None:
        """Return if every webhook allows the write, else raise the refusal."""
        if attempt.call.resource.group == WEBHOOKS:
            return
        for webhook in self._webhooks():
            if self._matches(webhook, attempt):
                self._ask(webhook, attempt)

    def _webhooks(self) -> Iterator[Document]:
        for configuration in self.storage.select(CONFIGURATIONS)[1]:
            yield from configuration.get("webhooks", [])

    def _matches(self, webhook: Document, attempt: Attempt) -> bool:
        if not any(_rule_matches(rule, attempt) for rule in webhook.get("rules", [])):
            return False
        sides = [side for side in (attempt.new, attempt.old) if side is not None]
        wanted = selectors.from_object(webhook.get("objectSelector"))
        return any(selectors.select(side, wanted) for side in sides) and self._in_namespace(webhook, attempt)

    def _in_namespace(self, webhook: Document, attempt: Attempt) -> bool:
        wanted = selectors.from_object(webhook.get("namespaceSelector"))
        namespace = self.storage.read(Key("namespaces", "", attempt.namespace))
        return namespace is None or selectors.select(namespace, wanted)

    def _ask(self, webhook: Document, attempt: Attempt) -> None:
        review = attempt.review()
        try:
            answer = reviews.read_answer(self._post(webhook, review), review["request"]["uid"])
        except (urllib3.exceptions.HTTPError, reviews.NoAnswer, ValueError) as error:
            if webhook.get("failurePolicy") == "Ignore":
                return
            raise _failed(webhook, error) from error
        if not answer.get("allowed"):
            raise reviews.denied(webhook["name"], answer)

    def _post(self, webhook: Document, review: Document) -> Any:
        config = webhook["clientConfig"]
        if "url" not in config:
            raise reviews.NoAnswer("no Service is reached here: there is no cluster's network")
        seconds = webhook.get("timeoutSeconds", 10)
        separator = "&" if "?" in config["url"] else "?"
        answer = self._pool(config.get("caBundle", "")).request(
            "POST",
            f"{config['url']}{separator}timeout={seconds}s",
            body=json.dumps(review),
            headers=HEADERS,
            timeout=urllib3.Timeout(total=seconds),
            retries=False,
        )
        if answer.status != HTTPStatus.OK:
            raise reviews.NoAnswer(f"the server answered {answer.status}")
        return json.loads(answer.data)

    def _pool(self, bundle: str) -> urllib3.PoolManager:
        if bundle not in self._pools:
            authorities = base64.b64decode(bundle).decode() if bundle else None
            self._pools[bundle] = urllib3.PoolManager(ssl_context=ssl.create_default_context(cadata=authorities))
        return self._pools[bundle]

    def close(self) -> None:
        """Close the connections that are kept open."""
        for pool in self._pools.values():
            pool.clear()


def _failed(webhook: Document, error: Exception) -> refusals.Refusal:
    url = lookup(webhook, "clientConfig", "url")
    sentence = f'failed calling webhook "{webhook["name"]}": failed to call webhook: Post "{url}": {error}'
    return refusals.internal(sentence)


def _rule_matches(rule: Document, attempt: Attempt) -> bool:
    resource = attempt.call.resource
    scope = rule.get("scope", "*")
    return (
        _among(rule["operations"], attempt.operation)
        and _among(rule["apiGroups"], resource.group)
        and _among(rule["apiVersions"], resource.version)
        and any(_resource_matches(one, resource.plural, attempt.call.subresource) for one in rule["resources"])
        and scope in {"*", "Namespaced" if resource.namespaced else "Cluster"}
    )


def _among(allowed: list[str], value: str) -> bool:
    return "*" in allowed or value in allowed


def _resource_matches(pattern: str, plural: str, subresource: str) -> bool:
    wanted, _, below = pattern.partition("/")
    return wanted in {"*", plural} and below in {"*", subresource}
