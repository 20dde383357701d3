"""Changes and signals of them, as the named histories of clusters use them."""

from __future__ import annotations

from tests.services.api_writes import Json, Written
from tests.services.watched_cluster import WatchedCluster


def image(tag: str) -> list[Json]:
    return [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": f"web:{tag}"}]


def scaled(replicas: int) -> Json:
    return {"spec": {"replicas": replicas}}


def labelled(team: str | None) -> Json:
    return {"spec": {"template": {"metadata": {"labels": {"team": team}}}}}


def hear(cluster: WatchedCluster, told: str, written: Written) -> None:
    """Let one kind of a request's signals come."""
    if told == "heartbeat":
        cluster.heartbeat()
    else:
        cluster.tell(written, reviews=told == "reviews", audit=told == "audit")


def completed(cluster: WatchedCluster) -> list[list[str]]:
    """Return the fields of each change that a run was made for."""
    done = (one.order.guard for one in cluster.taken.values() if one.verdict == "completed")
    return [[one.path for one in guard.changed] for guard in done if guard]
