"""Certificates as they are made and judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from infra.kubernetes.certificates import ends, make, objection, trimmed
from infra.kubernetes.issuing import names_of

NOW = datetime(2026, 10, 30, 9, 0, 0, tzinfo=UTC)
NAMESPACE = "litmus-gitops"
PAIR, OTHER = make(NAMESPACE, NOW, 365), make(NAMESPACE, NOW, 365)


def test_a_certificate_is_one_that_a_strict_verifier_takes_for_each_name() -> None:
    (leaf,) = x509.load_pem_x509_certificates(PAIR.certificate)
    store = Store(x509.load_pem_x509_certificates(PAIR.authority))
    for name in names_of(NAMESPACE):
        verifier = PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName(name))
        assert 2 == len(verifier.verify(leaf, []))


def test_the_key_is_not_shown() -> None:
    assert "PRIVATE" not in repr(PAIR)
    assert b"PRIVATE" in PAIR.key


@pytest.mark.parametrize(
    ("authority", "certificate", "namespace", "days", "expected"),
    [
        pytest.param(PAIR.authority, PAIR.certificate, NAMESPACE, 0, "", id="good"),
        pytest.param(OTHER.authority + PAIR.authority, PAIR.certificate, NAMESPACE, 364, "", id="among others"),
        pytest.param(OTHER.authority, PAIR.certificate, NAMESPACE, 0, "no authority", id="another authority"),
        pytest.param(b"", PAIR.certificate, NAMESPACE, 0, "cannot be read", id="no authority"),
        pytest.param(PAIR.authority, b"none", NAMESPACE, 0, "cannot be read", id="no certificate"),
        pytest.param(PAIR.authority, PAIR.certificate, NAMESPACE, 366, "valid from", id="over"),
        pytest.param(PAIR.authority, PAIR.certificate, NAMESPACE, -1, "valid from", id="not yet"),
        pytest.param(PAIR.authority, PAIR.certificate, "elsewhere", 0, "not for the name", id="another name"),
    ],
)
def test_what_the_api_server_would_object_to_is_said(
    authority: bytes, certificate: bytes, namespace: str, days: int, expected: str
) -> None:
    found = objection(authority, certificate, namespace, NOW + timedelta(days=days))
    assert expected in found
    assert bool(expected) == bool(found)


def test_a_bundle_keeps_the_authority_of_what_is_served_and_drops_older_ones() -> None:
    third = make(NAMESPACE, NOW, 365)
    bundle = trimmed(OTHER.authority, PAIR.authority, PAIR.certificate)
    assert OTHER.authority + PAIR.authority == bundle
    assert third.authority + OTHER.authority == trimmed(third.authority, bundle, OTHER.certificate)
    assert third.authority == trimmed(third.authority, b"nothing", b"nothing")
    assert NOW + timedelta(days=365) == ends(PAIR.certificate)
