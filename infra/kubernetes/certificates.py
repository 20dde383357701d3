"""The certificate that the subscriber serves with: made here, where nothing else issues one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.kubernetes.issuing import names_of
from infra.kubernetes.options import NAME

SOON: Final = timedelta(days=30)
"""Before its end, in which a certificate is renewed and its end is a finding."""

_SLACK: Final = timedelta(minutes=10)
"""How far clocks may be apart."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate, the authority that vouches for it and its key, all PEM."""

    authority: bytes
    certificate: bytes
    key: bytes = field(repr=False)


def make(namespace: str, now: datetime, days: int) -> Pair:
    """Return a certificate for the Service's names by a new authority, valid for `days`.

    The authority's key is forgotten at once: nobody can sign another certificate with it, so it needs no keeping.
    """
    issuer, holder = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    until = now + timedelta(days=days)
    root = _root(issuer, now, until)
    leaf = _leaf(names_of(namespace), holder, now, until).issuer_name(root.subject)
    signed = leaf.add_extension(_by(issuer), critical=False).sign(issuer, hashes.SHA256())
    key = holder.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(root.public_bytes(Encoding.PEM), signed.public_bytes(Encoding.PEM), key)


def ends(certificate: bytes) -> datetime:
    """Return when the first certificate of a PEM ends; `ValueError` if there is none."""
    return x509.load_pem_x509_certificates(certificate)[0].not_valid_after_utc


def objection(authorities: bytes, certificate: bytes, namespace: str, now: datetime) -> str:
    """Return why the API server would not talk to who serves with this certificate, empty if it would."""
    try:
        leaf, roots = x509.load_pem_x509_certificates(certificate)[0], x509.load_pem_x509_certificates(authorities)
    except ValueError as error:
        return f"it cannot be read ({error})"
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        return f"it is valid from {leaf.not_valid_before_utc:%F %T} to {leaf.not_valid_after_utc:%F %T} UTC only"
    if names_of(namespace)[0] not in _names(leaf):
        return f"it is not for the name {names_of(namespace)[0]}"
    if not any(_vouches(root, leaf) for root in roots):
        return "no authority of the webhook's caBundle vouches for it"
    return ""


def trimmed(new: bytes, bundle: bytes, served: bytes) -> bytes:
    """Return a bundle that trusts the new authority, and those of the old that vouch for what is served yet."""
    roots, leaves = _read(bundle), _read(served)
    kept = [root.public_bytes(Encoding.PEM) for root in roots if leaves and _vouches(root, leaves[0])]
    return b"".join(dict.fromkeys([new, *kept]))


def _read(pem: bytes) -> list[x509.Certificate]:
    """Return the certificates of a PEM, none where it holds none."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        return []


def _vouches(root: x509.Certificate, leaf: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(root)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return found.value.get_values_for_type(x509.DNSName)


def _root(key: ec.EllipticCurvePrivateKey, now: datetime, until: datetime) -> x509.Certificate:
    name = _named(f"{NAME} authority {now:%F}")
    usage = _usage(signs=True)
    return (
        _begun(name, key, now, until)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    names: tuple[str, ...], key: ec.EllipticCurvePrivateKey, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        _begun(_named(NAME), key, now, until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_usage(signs=False), critical=True)
    )


def _begun(name: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, until: datetime) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _by(issuer: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
