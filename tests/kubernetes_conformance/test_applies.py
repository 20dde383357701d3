from typing import Any

from kubernetes.client import AppsV1Api, CoreV1Api, CustomObjectsApi

from tests.kubernetes_conformance.answers import refusal, refused
from tests.kubernetes_conformance.manifests import GROUP, config_map, custom, image_patch, workload

APPLY = "application/apply-patch+yaml"


def apply_config_map(core: CoreV1Api, namespace: str, manager: str, body: Any, *, force: bool | None = None) -> Any:
    return core.patch_namespaced_config_map(
        "settings", namespace, body, field_manager=manager, force=force, _content_type=APPLY
    )


def apply_deployment(apps: AppsV1Api, namespace: str, manager: str, body: Any, *, force: bool | None = None) -> Any:
    return apps.patch_namespaced_deployment(
        "till", namespace, body, field_manager=manager, force=force, _content_type=APPLY
    )


def managers(made: Any) -> dict[tuple[str, str], Any]:
    """What each manager owns, by its name and operation."""
    return {(one.manager, one.operation): one.fields_v1 for one in made.metadata.managed_fields}


def test_applying_what_is_not_there_creates_it(core: CoreV1Api, namespace: str) -> None:
    made = apply_config_map(core, namespace, "ours", config_map())
    assert ({"mode": "a"}, True) == (made.data, made.metadata.uid is not None)
    assert managers(made) == {("ours", "Apply"): {"f:data": {"f:mode": {}}}}


def test_applying_the_same_again_changes_nothing(apps: AppsV1Api, namespace: str) -> None:
    first = apply_deployment(apps, namespace, "ours", workload())
    again = apply_deployment(apps, namespace, "ours", workload())
    assert first.to_dict() == again.to_dict()


def test_applying_needs_a_field_manager(core: CoreV1Api, namespace: str) -> None:
    answer = refused(core.patch_namespaced_config_map, "settings", namespace, config_map(), _content_type=APPLY)
    assert answer == (422, "Invalid")


def test_what_a_manager_no_longer_applies_goes(core: CoreV1Api, namespace: str) -> None:
    apply_config_map(core, namespace, "ours", config_map(data={"mode": "a", "size": "1"}, labels={"app": "till"}))
    now = apply_config_map(core, namespace, "ours", config_map(data={"mode": "a"}))
    assert ({"mode": "a"}, None) == (now.data, now.metadata.labels)


def test_what_another_manager_owns_too_stays(core: CoreV1Api, namespace: str) -> None:
    apply_config_map(core, namespace, "ours", config_map(data={"mode": "a", "size": "1"}))
    apply_config_map(core, namespace, "theirs", config_map(data={"size": "1"}))
    now = apply_config_map(core, namespace, "ours", config_map(data={"mode": "a"}))
    assert now.data == {"mode": "a", "size": "1"}


def test_another_value_of_an_owned_field_is_a_conflict_that_names_the_owner(core: CoreV1Api, namespace: str) -> None:
    apply_config_map(core, namespace, "theirs", config_map(data={"mode": "a"}))
    status = refusal(apply_config_map, core, namespace, "ours", config_map(data={"mode": "b"}))
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "theirs"', "field": ".data.mode"}
    assert (409, "Conflict", [cause]) == (status["code"], status["reason"], status["details"]["causes"])


def test_force_takes_the_field_over(core: CoreV1Api, namespace: str) -> None:
    apply_config_map(core, namespace, "theirs", config_map(data={"mode": "a", "size": "1"}))
    now = apply_config_map(core, namespace, "ours", config_map(data={"mode": "b"}), force=True)
    assert now.data == {"mode": "b", "size": "1"}
    assert managers(now) == {
        ("ours", "Apply"): {"f:data": {"f:mode": {}}},
        ("theirs", "Apply"): {"f:data": {"f:size": {}}},
    }


def test_an_update_takes_fields_over_without_a_conflict(core: CoreV1Api, namespace: str) -> None:
    apply_config_map(core, namespace, "ours", config_map(data={"mode": "a", "size": "1"}))
    patch = {"data": {"mode": "b"}}
    now: Any = core.patch_namespaced_config_map("settings", namespace, patch, field_manager="editor")
    assert managers(now) == {
        ("ours", "Apply"): {"f:data": {"f:size": {}}},
        ("editor", "Update"): {"f:data": {"f:mode": {}}},
    }
    answer = refused(apply_config_map, core, namespace, "ours", config_map(data={"mode": "a", "size": "1"}))
    assert answer == (409, "Conflict")


def test_who_owned_a_field_owns_it_no_longer_once_it_is_gone(core: CoreV1Api, namespace: str) -> None:
    apply_config_map(core, namespace, "ours", config_map(data={"mode": "a", "size": "1"}))
    now: Any = core.patch_namespaced_config_map("settings", namespace, {"data": {"size": None}}, field_manager="editor")
    assert managers(now) == {("ours", "Apply"): {"f:data": {"f:mode": {}}}}


def test_containers_are_applied_by_name(apps: AppsV1Api, namespace: str) -> None:
    apply_deployment(apps, namespace, "ours", workload())
    sidecar = workload()
    sidecar["spec"] = {"template": {"spec": {"containers": [{"name": "side", "env": [{"name": "A", "value": "1"}]}]}}}
    now = apply_deployment(apps, namespace, "theirs", sidecar)
    found = {one.name: [env.name for env in one.env or []] for one in now.spec.template.spec.containers}
    assert ({"till": ["MODE"], "side": ["A"]}, 2) == (found, now.metadata.generation)


def test_a_container_that_is_no_longer_applied_goes(apps: AppsV1Api, namespace: str) -> None:
    apply_deployment(apps, namespace, "ours", workload())
    alone = workload()
    del alone["spec"]["template"]["spec"]["containers"][1]
    now = apply_deployment(apps, namespace, "ours", alone)
    assert [one.name for one in now.spec.template.spec.containers] == ["till"]


def test_who_updates_is_noted_field_by_field(apps: AppsV1Api, namespace: str) -> None:
    apps.create_namespaced_deployment(namespace, workload(), field_manager="creator")
    now: Any = apps.patch_namespaced_deployment("till", namespace, image_patch("till:2.0"), field_manager="editor")
    owned = managers(now)
    containers = "f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"till"}'
    edited, created = owned["editor", "Update"], owned["creator", "Update"]
    for step in containers:
        edited, created = edited[step], created[step]
    assert edited == {"f:image": {}}
    assert set(created) == {
        ".",
        "f:env",
        "f:imagePullPolicy",
        "f:name",
        "f:resources",
        "f:terminationMessagePath",
        "f:terminationMessagePolicy",
    }


def test_a_custom_object_is_applied_with_its_lists_as_one_value(objects: CustomObjectsApi, namespace: str) -> None:
    where = (GROUP, "v1", namespace, "bares", "one")

    def applied(**spec: Any) -> Any:
        body = custom("Bare", spec=spec)
        objects.patch_namespaced_custom_object(*where, body, field_manager="ours", _content_type=APPLY)
        return objects.get_namespaced_custom_object(*where)

    first = applied(size=1, parts=[{"name": "a"}], nested={"deep": {"x": 1}})
    assert first["spec"] == {"size": 1, "parts": [{"name": "a"}], "nested": {"deep": {"x": 1}}}
    second = applied(size=1, parts=[{"name": "b"}])
    assert (2, {"size": 1, "parts": [{"name": "b"}]}) == (second["metadata"]["generation"], second["spec"])
    fields = second["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]
    assert fields.keys() - {"."} == {"f:parts", "f:size"}


def test_a_dry_apply_creates_nothing(core: CoreV1Api, namespace: str) -> None:
    dry: Any = core.patch_namespaced_config_map(
        "settings", namespace, config_map(), field_manager="ours", dry_run="All", _content_type=APPLY
    )
    assert dry.data == {"mode": "a"}
    assert refused(core.read_namespaced_config_map, "settings", namespace) == (404, "NotFound")
