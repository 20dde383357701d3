"""What services need of the outside, as Protocols; `clients` implement them, tests use the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from shared.model.calls import Answer
from shared.model.experiments import Draft
from shared.model.hosting import (
    Access,
    Check,
    CommitStatus,
    FailedDelivery,
    Hook,
    Hosted,
    PullRequest,
)
from shared.model.messages import Claimed, DeadLetter, Message
from shared.model.records import Key, Record, Write


class Clock(Protocol):
    """The time, always aware and in UTC."""

    def __call__(self) -> datetime:
        """Return now."""
        ...


class Ids(Protocol):
    """New identifiers that sort by the time they were made; characters `[A-Za-z0-9_-]`."""

    def __call__(self) -> str:
        """Return an id that no one else has."""
        ...


class Counters(Protocol):
    """Counts what happens, for `/metrics`; names are documented in `shared/edge/metrics.py`."""

    def __call__(self, name: str, **labels: str) -> None:
        """Add one to the counter of this name and these labels; never raises."""
        ...


class Store(Protocol):
    """Records in partitions, read consistently, written conditionally, together with the messages they cause."""

    def get(self, key: Key) -> Record | None:
        """Return the record, or None."""
        ...

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Record]:
        """Return those of the records that exist."""
        ...

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[Record]:
        """List a partition by sort key, from beyond `after`, in descending order if `newest_first`."""
        ...

    def commit(self, writes: Sequence[Write], messages: Sequence[Message] = ()) -> None:
        """Do all writes and send all messages, or nothing: `Stale` names the key whose version was another.

        At most 100 writes, no key twice.
        """
        ...


class Queue(Protocol):
    """Messages under leases: at least once, with attempts, backoff and dead letters."""

    def receive(self, limit: int, lease: float) -> list[Claimed]:
        """Claim up to `limit` visible messages for `lease` seconds."""
        ...

    def ack(self, claimed: Claimed) -> None:
        """Done: forget the message. Harmless if the lease has passed to another."""
        ...

    def nack(self, claimed: Claimed, reason: str, delay: float | None = None, *, count: bool = True) -> None:
        """Failed: visible again after `delay` seconds (default: backoff with jitter); dead after the last attempt.

        `count=False` returns the message without using up an attempt (it was only too early).
        """
        ...

    def dead(self, after: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """List dead letters by message id, from beyond `after`."""
        ...

    def redrive(self, message_id: str) -> None:
        """Send a dead letter again with fresh attempts: `NotFound` if there is none."""
        ...

    def void_leases(self) -> None:
        """Make every claimed message visible at once: for the single process that just started."""
        ...


class GitRemote(Protocol):
    """One remote repository over the git protocol. Every method raises `Unavailable` when the host does not answer."""

    def head(self, branch: str) -> str | None:
        """Return the commit id at the branch's head, None if the branch does not exist. One request."""
        ...

    def moved(self) -> str | None:
        """Return where the host says that the repository is by now, None where that is its address. No request."""
        ...

    def files(self, commit: str, folder: str) -> tuple[str | None, dict[str, str]]:
        """Return the folder's tree id and its files: path from the repository root → blob id."""
        ...

    def blobs(self, commit: str, ids: Iterable[str]) -> dict[str, bytes]:
        """Return the contents of just these blobs, in one request whatever their number."""
        ...

    def commit_files(self, branch: str, expected: str | None, draft: Draft, onto: str | None = None) -> str:
        """Commit the draft on top of `expected` and push as compare-and-swap; return the new commit id.

        Raises `Stale` if the branch is no longer at `expected` (None: the branch does not exist yet), and `Protected`
        if the host lets us not push to it. A branch that does not exist yet begins on top of commit `onto`.
        """
        ...

    def note(self, commit: str, compose: Callable[[str], str], at: datetime) -> bool:
        """Replace the note of `commit` under `refs/notes/litmus` by what `compose` makes of it ("": there is none).

        Returns whether it changed; `compose` runs again when another writer was faster.
        """
        ...


class GitRemotes(Protocol):
    """Opens remotes."""

    def __call__(self, access: Access) -> GitRemote:
        """Return the remote; opening does no I/O."""
        ...


class GitHost(Protocol):
    """What the host of one repository offers beyond git. What git can do is done by `GitRemote`.

    Raises `Unavailable` when the host does not answer (`NotYet` with the seconds that a rate limit asks for),
    `Forbidden` when the credential may not, `NotFound`, and `Invalid` when the host refuses what was asked.
    """

    def repository(self) -> Hosted:
        """Return the repository as the host knows it by now, whatever name it was asked for under."""
        ...

    def set_status(self, commit: str, status: CommitStatus) -> None:
        """Set a context's status on a commit: the newest one counts."""
        ...

    def publish(self, commit: str, check: Check, pull: int | None = None) -> None:
        """Show a check on a commit with its annotations, in place of the one that the context had there.

        Where the credential may not write checks, the status alone is set. GitLab has no annotations: there each
        becomes a discussion note on pull request `pull`, once, and is resolved when it no longer applies.
        """
        ...

    def pull(self, number: int) -> PullRequest:
        """Return a pull request."""
        ...

    def open_pulls(self, target: str) -> list[PullRequest]:
        """Return the open pull requests into a branch."""
        ...

    def propose(self, source: str, target: str, title: str, body: str) -> PullRequest:
        """Open a pull request, or return the one that is open between these two branches."""
        ...

    def close_pull(self, number: int) -> None:
        """Close a pull request without merging it; nothing happens if it is closed."""
        ...

    def comment(self, number: int, mark: str, body: str) -> None:
        """Keep one comment of ours on a pull request up to date; `mark` (an invisible line) finds it again."""
        ...

    def hooks(self) -> list[Hook]:
        """Return the repository's webhooks."""
        ...

    def save_hook(self, url: str, secret: str, hook: str | None = None) -> Hook:
        """Create the hook that delivers what we read to `url`, signed with `secret`, or make hook `hook` that one.

        It is active afterwards, also where the host had switched it off.
        """
        ...

    def test_hook(self, hook: str) -> None:
        """Have the host send a test delivery now."""
        ...

    def failed_deliveries(self, hook: str, since: datetime) -> list[FailedDelivery]:
        """Return the deliveries since then of which no attempt succeeded, oldest first, the last attempt of each."""
        ...

    def redeliver(self, hook: str, delivery: str) -> None:
        """Have the host send a failed delivery again; `delivery` is a `FailedDelivery.id`."""
        ...


class GitHosts(Protocol):
    """Opens the API of a repository's host."""

    def __call__(self, access: Access) -> GitHost | None:
        """Return the host, None for plain git, which has no API; opening does no I/O."""
        ...


class Secrets(Protocol):
    """Resolves references to secrets; values never leave the process."""

    def __call__(self, reference: str) -> str:
        """Return the secret's value: `Misconfigured` names the reference, never the value."""
        ...


class Subscribers(Protocol):
    """Sends signed bodies to a cluster's subscriber."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST once, with deadlines; `Unavailable` if no answer came."""
        ...


class ChaosCenters(Protocol):
    """The GraphQL endpoints of the ChaosCenters that carry out orders."""

    def __call__(self, url: str, token: str, body: bytes) -> Answer:
        """POST once under a bearer token, with deadlines: `Unavailable` if no answer came, `Forbidden` for an address.

        The token is nowhere in the answer.
        """
        ...


class Sinks(Protocol):
    """Tells parties outside what happened."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST once, with deadlines; `Unavailable` if no answer came."""
        ...


class Monitors(Protocol):
    """Asks a Prometheus or an Alertmanager."""

    def __call__(self, url: str, credential: str | None = None, ca: str | None = None) -> Answer:
        """GET once, with deadlines; `Unavailable` if no answer came, or one that is too long.

        `credential` is `user:password` or a token, `ca` the PEM certificates of a private CA.
        """
        ...


class PortalApi(Protocol):
    """The portal's HTTP API, as a subscriber uses it."""

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", seconds: float = 10.0
    ) -> Answer:
        """Send once and return the answer, its body as bytes; `Unavailable` if none came within `seconds`."""
        ...


class ChaosCenter(Protocol):
    """The GraphQL endpoint of a ChaosCenter that runs beside us."""

    def __call__(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Say what was said to us, and return its answer unchanged: `Unavailable` if none came."""
        ...


class Watching(Protocol):
    """A watch under way."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the objects, in one thread, until the time is over or somebody closes it."""
        ...

    def close(self) -> None:
        """End it, from any thread and at once."""
        ...


class KubernetesApi(Protocol):
    """The Kubernetes API of one cluster, as the subscriber uses it; objects are plain JSON as the server sent them.

    `resource` is `<group>/<version>/<plural>`, e.g. `apps/v1/deployments` or `v1/configmaps`.
    Raises `NotFound`, `Conflict` (already exists, or a stale version), `Forbidden`, `Invalid`, `Unavailable`.
    """

    def get(self, resource: str, namespace: str, name: str) -> dict[str, Any]:
        """Return the object."""
        ...

    def list(self, resource: str, namespace: str = "", selector: str = "") -> list[dict[str, Any]]:
        """Return the objects that a label selector matches; an empty namespace means all of them."""
        ...

    def create(self, resource: str, namespace: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create the object: `Conflict` if the name is taken."""
        ...

    def apply(self, resource: str, namespace: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Apply server-side as field manager `litmus-gitops`, forcing conflicts."""
        ...

    def patch(self, resource: str, namespace: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Merge-patch the object (RFC 7386)."""
        ...

    def replace(self, resource: str, namespace: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Replace the object: `Conflict` if its resourceVersion moved."""
        ...

    def delete(self, resource: str, namespace: str, name: str) -> None:
        """Delete the object; nothing happens if it is gone."""
        ...

    def watch(
        self, resource: str, namespace: str = "", selector: str = "", timeout: float = 30.0, name: str = ""
    ) -> Watching:
        """List, then yield at least the metadata of each object as it is and becomes, for `timeout` seconds.

        A lost watch is resumed; `name` keeps to one object.
        """
        ...

    def serves(self, resource: str) -> bool:
        """Whether the API server serves the resource (its CRD is installed)."""
        ...
