from typing import Any

import pytest

from shared.rules.permits import Permits, refusal

ENGINE: dict[str, Any] = {
    "kind": "ChaosEngine",
    "metadata": {"namespace": "litmus"},
    "spec": {
        "appinfo": {"appns": "shop"},
        "chaosServiceAccount": "chaos",
        "components": {"runner": {"image": "registry.example/runner:1"}},
        "experiments": [{"name": "pod-delete"}],
    },
}
WORKFLOW: dict[str, Any] = {
    "kind": "Workflow",
    "metadata": {"name": "w", "namespace": "litmus"},
    "spec": {"serviceAccountName": "argo", "templates": [{"container": {"image": "registry.example/checker:1"}}]},
}
SCHEDULE: dict[str, Any] = {
    "kind": "ChaosSchedule",
    "spec": {"engineTemplateSpec": {"selectors": {"pods": [{"namespace": "bank", "names": "x"}]}}},
}


@pytest.mark.parametrize(
    ("manifest", "embedded", "permits", "expected"),
    [
        pytest.param(WORKFLOW, [ENGINE], Permits(), None, id="nothing is limited"),
        pytest.param(
            WORKFLOW,
            [ENGINE],
            Permits(("Workflow",), ("litmus", "sh*"), ("argo", "chaos"), ("registry.example/*",)),
            None,
            id="all of it is allowed",
        ),
        pytest.param(
            ENGINE,
            [],
            Permits(kinds=("Workflow",)),
            "the kind ChaosEngine is not allowed in this cluster: Workflow are",
            id="kind",
        ),
        pytest.param(
            WORKFLOW,
            [ENGINE],
            Permits(namespaces=("litmus",)),
            "the namespace shop is not allowed in this cluster: litmus are",
            id="an engine's target",
        ),
        pytest.param(
            SCHEDULE,
            [],
            Permits(namespaces=("shop",)),
            "the namespace bank is not allowed in this cluster: shop are",
            id="a scheduled engine's selector",
        ),
        pytest.param(
            WORKFLOW,
            [ENGINE],
            Permits(service_accounts=("argo",)),
            "the service account chaos is not allowed in this cluster: argo are",
            id="service account",
        ),
        pytest.param(
            WORKFLOW,
            [ENGINE | {"spec": {"components": {"runner": {"image": ""}}, "image": "evil:1"}}],
            Permits(images=("registry.example/*",)),
            "the image evil:1 is not allowed in this cluster: registry.example/* are",
            id="image",
        ),
        pytest.param(
            WORKFLOW,
            [{"metadata": {"namespace": "{{inputs.parameters.x}}"}}],
            Permits(namespaces=("litmus",)),
            "the namespace {{inputs.parameters.x}} is not allowed in this cluster: litmus are",
            id="a namespace that only a run knows",
        ),
    ],
)
def test_a_cluster_carries_out_only_what_it_allows(
    manifest: dict[str, Any], embedded: list[dict[str, Any]], permits: Permits, expected: str | None
) -> None:
    assert expected == refusal(manifest, embedded, permits)
