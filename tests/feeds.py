"""Audit events as managed clusters' logs bring them: the shapes of tests/deliveries/{gke,eks,aks}, written anew."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

from shared.wire.eks import REQUEST

Json = dict[str, Any]

DELIVERIES = Path(__file__).parent / "deliveries"
FIREHOSE = {REQUEST: "ed4acda5-034f-9f42-bba1-f29aea6d7d8f"}
PUSHED = {"ce-type": "google.cloud.pubsub.topic.v1.messagePublished", "ce-specversion": "1.0"}
TOPIC = "//pubsub.googleapis.com/projects/shop-project/topics/audit"
AKS = "/SUBSCRIPTIONS/00000000-0000-0000-0000-000000000000/RESOURCEGROUPS/SHOP/PROVIDERS/"
READ = "Microsoft.ContainerService/managedClusters/diagnosticLogs/Read"
SKIPPED = "skipped-too-big-size-object"
CODES = {201: 0, 200: 0, 403: 7, 409: 10}


def fixture(cloud: str, name: str) -> Any:
    """Return what tests/deliveries has under this name."""
    return json.loads((DELIVERIES / cloud / f"{name}.json").read_bytes())


def names(cloud: str) -> list[str]:
    """Return the names of a cloud's fixtures."""
    return sorted(path.stem for path in (DELIVERIES / cloud).glob("*.json"))


def lean(event: Json) -> Json:
    """Return the event without what counts for nothing: managed fields, kubectl's copy, a status."""
    made = deepcopy(event)
    for side in ("requestObject", "responseObject"):
        metadata = made.get(side, {}).get("metadata", {})
        metadata.pop("managedFields", None)
        metadata.get("annotations", {}).pop("kubectl.kubernetes.io/last-applied-configuration", None)
        if made.get(side, {}).get("kind") == "Deployment":
            made[side].pop("status", None)
    return made


def entry(event: Json) -> Json:
    """Return the entry of Cloud Logging that GKE makes of an audit event."""
    verb, code = event["verb"], CODES[event["responseStatus"]["code"]]
    dry = "dryRun" in event["requestURI"] or bool(event.get("requestObject", {}).get("dryRun"))
    labels = {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": ""}
    failed = {"message": event["responseStatus"].get("message", "")} if code else {}
    types = {"patch": "k8s.io/Patch", "delete": "meta.k8s.io/__internal.DeleteOptions"}
    said = {
        "request": _typed(event.get("requestObject"), types.get(verb, "")),
        "response": _typed(event.get("responseObject"), ""),
    }
    return {
        "insertId": event["auditID"],
        "labels": labels | ({"command.gke.io/dryRun": "All"} if dry else {}),
        "logName": "projects/shop-project/logs/cloudaudit.googleapis.com%2Factivity",
        "operation": {"first": True, "id": event["auditID"], "last": True, "producer": "k8s.io"},
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "authenticationInfo": {"principalEmail": event["user"]["username"]},
            "authorizationInfo": [{"granted": True, "permission": _method(event), "resource": _resource(event)}],
            "methodName": _method(event),
            **{name: value for name, value in said.items() if value is not None},
            "requestMetadata": {"callerIp": "203.0.113.7", "callerSuppliedUserAgent": event["userAgent"]},
            "resourceName": _resource(event),
            "serviceName": "k8s.io",
            "status": {"code": code, **failed} if code else {},
        },
        "receiveTimestamp": event["stageTimestamp"].replace("Z", "489Z"),
        "resource": {
            "labels": {"cluster_name": "prod", "location": "europe-west1", "project_id": "shop-project"},
            "type": "k8s_cluster",
        },
        "timestamp": event["stageTimestamp"],
    }


def _method(event: Json) -> str:
    reference = event["objectRef"]
    group = f"{reference.get('apiGroup', 'core')}.k8s.io".removesuffix(".k8s.io").split(".")
    domain = ["io", "k8s", *group] if len(group) == 1 else group[::-1]
    place = [reference["apiVersion"], reference["resource"], reference.get("subresource"), event["verb"]]
    return ".".join([*domain, *(part for part in place if part)])


def _resource(event: Json) -> str:
    reference = event["objectRef"]
    parts = [reference.get("apiGroup", "core"), reference["apiVersion"], "namespaces", reference["namespace"]]
    parts += [reference["resource"], reference.get("name"), reference.get("subresource")]
    return "/".join(part for part in parts if part)


def _typed(obj: Any, name: str) -> Json | None:
    if obj is None:
        return None
    group, _, version = obj.get("apiVersion", "v1").rpartition("/")
    return {"@type": name or f"{group or 'core'}.k8s.io/{version}.{obj.get('kind', '')}", **obj}


def push(logged: Json) -> Json:
    """Return Pub/Sub's wrapped push of an entry."""
    at = logged["receiveTimestamp"]
    message = {"attributes": {"logging.googleapis.com/timestamp": logged["timestamp"]}, "data": _base64(_text(logged))}
    message |= {"messageId": "8123456789", "message_id": "8123456789", "publishTime": at, "publish_time": at}
    return {"message": message, "subscription": "projects/shop-project/subscriptions/audit"}


def cloud_event(logged: Json) -> Json:
    """Return the push as a CloudEvent in structured mode."""
    event = {"specversion": "1.0", "id": "8123456789", "source": TOPIC, "type": PUSHED["ce-type"]}
    return {**event, "datacontenttype": "application/json", "time": logged["timestamp"], "data": push(logged)}


def subscription(messages: Iterable[str], stream: str = "kube-apiserver-audit-8e2a4d9c1f") -> Json:
    """Return the record of CloudWatch Logs that carries these messages."""
    told = [{"id": f"{39:02}{n:054}", "timestamp": 1795379956000 + n, "message": one} for n, one in enumerate(messages)]
    place = {"owner": "123456789012", "logGroup": "/aws/eks/prod/cluster", "logStream": stream}
    return {"messageType": "DATA_MESSAGE", **place, "subscriptionFilters": ["audit"], "logEvents": told}


def logged(event: Json) -> str:
    """Return an audit event as API servers log it, one line of JSON."""
    return json.dumps({"kind": "Event", "apiVersion": "audit.k8s.io/v1", **event}, separators=(",", ":"))


def awslogs(record: Json) -> Json:
    """Return what a Lambda gets of a record."""
    return {"awslogs": {"data": _base64(gzip.compress(_text(record), mtime=0))}}


def firehose(records: Iterable[Json]) -> Json:
    """Return what Firehose sends of records."""
    packed = [{"data": _base64(gzip.compress(_text(record), mtime=0))} for record in records]
    return {"requestId": FIREHOSE[REQUEST], "timestamp": 1795379956517, "records": packed}


def record(event: Json | str, category: str = "kube-audit-admin") -> Json:
    """Return Azure Monitor's record of an audit event, or of a line of another category."""
    line = event if isinstance(event, str) else logged(event)
    at = "2026-11-22T20:39:16.0000000Z" if isinstance(event, str) else event["stageTimestamp"].replace("Z", "0Z")
    return {
        "category": category,
        "operationName": READ,
        "properties": {"containerID": "9f2c", "log": f"{line}\n", "pod": "kube-apiserver-7d9c", "stream": "stdout"},
        "resourceId": f"{AKS}MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/PROD",
        "serviceBuild": "na",
        "time": at,
    }


def event_list(events: Iterable[Json]) -> Json:
    """Return a batch of the API server's own webhook."""
    return {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": list(events)}


def _text(value: Any) -> bytes:
    return json.dumps(value).encode()


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


Bodies = list[tuple[dict[str, str], Any]]

FEEDS: dict[str, Callable[[list[Json]], Bodies]] = {
    "webhook": lambda events: [({}, event_list(events))],
    "gke": lambda events: [({}, push(entry(event))) for event in events],
    "gke-eventarc": lambda events: [(PUSHED, push(entry(event))) for event in events],
    "gke-structured": lambda events: [({}, cloud_event(entry(event))) for event in events],
    "eks": lambda events: [({}, awslogs(subscription(map(logged, events))))],
    "eks-firehose": lambda events: [(FIREHOSE, firehose(subscription([logged(event)]) for event in events))],
    "aks": lambda events: [({}, {"records": [record(event) for event in events]})],
    "aks-function": lambda events: [({}, [{"records": [record(event)]} for event in events])],
    "aks-split": lambda events: [({}, [record(event) for event in events])],
}
"""How each way in brings a batch of events: the bodies, each with its headers."""
