"""A project's webhook at its git host: what is wrong with it, installing it, and rotating its secret."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from shared.model.calls import Answer, Call
from shared.services.api.operations import Operation, parse
from shared.services.hook_checks import HookChecks
from shared.services.hook_secrets import HookSecrets
from shared.services.hooks import Hooks


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The one webhook of a project; the portal has the credential for it."""

    hooks: Hooks

    def operations(self) -> list[Operation]:
        """Return what the API offers here."""
        hook = "/projects/{project}/webhook"
        return [
            Operation("GET", hook, "Say what is wrong with the webhook", self.check),
            Operation("POST", hook, "Install or repair the webhook", self.install),
            Operation("POST", f"{hook}/rotate", "Have it sign with another secret", self.rotate, "RotateBody"),
            Operation("POST", f"{hook}/retire", "End a secret that is not needed any more", self.retire, "RetireBody"),
        ]

    def check(self, call: Call) -> Answer:
        """Show the hook, its secrets, and findings with their mends."""
        return Answer(200, msgspec.to_builtins(HookChecks(self.hooks).check(call.params["project"])))

    def install(self, call: Call) -> Answer:
        """Create the hook or make it right, as often as one likes: 409 says what is missing."""
        return Answer(200, msgspec.to_builtins(self.hooks.install(call.params["project"])))

    def rotate(self, call: Call) -> Answer:
        """Make a secret live and give it to the hook; those before stay live until they are retired."""
        secret = parse("RotateBody", call).secret
        return Answer(200, msgspec.to_builtins(HookSecrets(self.hooks).rotate(call.params["project"], secret)))

    def retire(self, call: Call) -> Answer:
        """End one secret, or those that rotation left: 409 while deliveries need it."""
        secret = parse("RetireBody", call).secret
        return Answer(200, {"retired": list(HookSecrets(self.hooks).retire(call.params["project"], secret))})
