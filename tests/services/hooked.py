"""A project whose git host delivers to the real `git_push` over HTTP, and all that looks after its webhook."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from infra.local.environment import applied
from infra.local.folder import furnish
from shared.clients.ids import new_id
from shared.clients.secrets import SecretReferences
from shared.model.hooks import Webhook
from shared.model.messages import Message
from shared.model.projects import GitOps
from shared.services.api.hooks import Webhooks
from shared.services.healing import Healing
from shared.services.hook_checks import Checked, HookChecks
from shared.services.hook_records import HookRecords
from shared.services.hook_secrets import HookSecrets
from shared.services.hooks import Hooks
from shared.services.tables import PROJECTS, WEBHOOKS
from tests.hosts import headers
from tests.servers import HOST, ask, load, waitress_server
from tests.services.api.conftest import Api, client
from tests.services.dispatch_parts import MortalStore
from tests.services.gitops import Shop

SOURCE = Path(__file__).parents[2] / "functions" / "git_push" / "main.py"
LOOK = Message("look", "reconcile", "webhook", {"project": "shop"})


class HookShop(Shop):
    """The shop with `git_push` on a port of its own; its clock is moved by hand, from the real time on."""

    def __init__(self, folder: Path) -> None:
        furnish(folder)
        self.secrets = folder / "secrets"
        self._references = SecretReferences(self.secrets)
        super().__init__(folder)
        self._app = self._loaded(folder)
        self._serving = ExitStack()
        self.port = 0
        self.arrive()
        self.clock.now = datetime.now(UTC)
        self.mortal = MortalStore(self.store)
        records = HookRecords(self.mortal, self.clock, new_id)
        self.hooks = Hooks(records, self.repositories, self.leases, f"http://{HOST}:{self.port}", patience=1.0)
        self.rotation = HookSecrets(self.hooks)
        self.healing = Healing(self.hooks, self.rotation)
        self.api: Api = client(Webhooks(self.hooks).operations())

    def secret(self, reference: str) -> str:  # type: ignore[override]
        """Read a secret's file."""
        return self._references(reference)

    def close(self) -> None:
        """Stop serving."""
        self.leave()
        super().close()

    def arrive(self) -> None:
        """Have `git_push` listen, on the same port as before if there was one."""
        self.port = self._serving.enter_context(waitress_server(self._app, self.port))

    def leave(self) -> None:
        """Have `git_push` away: nothing listens any more."""
        self._serving.close()

    def keep(self, name: str, value: str) -> str:
        """Write a secret, and return its reference."""
        (self.secrets / name).write_text(f"{value}\n")
        return f"file:{name}"

    def deliver(self, value: str, commit: str = "c" * 40, speaker: str = "git_hook") -> int:
        """Deliver a push that is signed with a secret, and return the answer's status."""
        body = json.dumps({"ref": "refs/heads/main", "before": "", "after": commit}).encode()
        sent = headers(speaker, "push", new_id(), body, value)
        return ask(self.port, "POST", "/git/shop", body, **{k.replace("-", "_"): v for k, v in sent.items()}).status

    def pass_time(self, seconds: float = 0.0) -> None:
        """Let the clock show the real time, and let so many seconds more pass."""
        self.clock.now = max(self.clock.now, datetime.now(UTC))
        self.clock.advance(seconds)

    def work(self) -> None:
        """Work off every message that is visible by now; `git_push` sends them at the real time."""
        self.pass_time()
        super().work()

    def look(self, after: float = 0.0) -> None:
        """Have the webhook looked at, once so many seconds have passed."""
        self.pass_time(after)
        self.healing.look(LOOK)

    def check(self) -> Checked:
        """Say what is wrong."""
        self.pass_time()
        return HookChecks(self.hooks).check("shop")

    def findings(self) -> list[str]:
        """Say what is wrong in words; what is so on purpose is none of it."""
        return [one.what for one in self.check().findings if one.severity == "finding"]

    @property
    def gitops(self) -> GitOps:
        """The project's settings."""
        found = PROJECTS.load(self.store, "shop")
        assert found is not None
        assert found.value.gitops is not None
        return found.value.gitops

    @property
    def record(self) -> Webhook:
        """What is known of the webhook."""
        found = WEBHOOKS.load(self.store, "shop")
        assert found is not None
        return found.value

    def told(self) -> list[str]:
        """Return the verdicts of the ledger's rows about the hook, oldest first."""
        return [row.verdict for row in self.ledger("delivery") if "secret" not in row.detail]

    def change(self, **changes: Any) -> None:
        """Write settings past the rotation, as a person does with PUT."""
        self.configure(**{**msgspec.structs.asdict(self.gitops), **changes})

    def _handler(self, message: Message) -> Callable[[Message], None]:
        if (message.function, message.action) == ("reconcile", "webhook"):
            return self.healing.look
        return super()._handler(message)

    @staticmethod
    def _loaded(folder: Path) -> Any:
        with applied({"DATA_DIR": str(folder), "STORE_URL": f"sqlite:{folder / 'state.db'}"}):
            return load(SOURCE, "git_push")
