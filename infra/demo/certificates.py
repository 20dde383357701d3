"""Certificates for servers on loopback, made by the `openssl` command so that nobody needs another library."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

EXTENSIONS = """\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = {names}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
CURVE = "ec_paramgen_curve:P-256"
DAYS = "2"
NAMES = "IP:127.0.0.1, DNS:localhost"


class CertificateError(RuntimeError):
    """`openssl` is not there or refused."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files of one authority and of a server that it vouches for."""

    ca: Path
    certificate: Path
    key: Path


def _openssl(*arguments: str, folder: Path) -> None:
    try:
        command = ["openssl", *arguments]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)  # noqa: S603 - our own words
    except FileNotFoundError as error:
        raise CertificateError("openssl is not on PATH: install it (3.0 or later)") from error
    except subprocess.CalledProcessError as error:
        raise CertificateError(f"`openssl {arguments[0]}` ended with {error.returncode}: {error.stderr}") from error


def _self_signed(name: str, section: str, subject: str, *signer: str, folder: Path) -> None:
    key = ("-newkey", "ec", "-pkeyopt", CURVE, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.crt")
    shape = ("-config", "openssl.cnf", "-extensions", section, "-subj", subject, "-days", DAYS)
    _openssl("req", "-x509", *key, *shape, *signer, folder=folder)


def make_certificates(folder: Path, names: str = NAMES) -> Certificates:
    """Writes a new authority, and a server certificate for these names, into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "openssl.cnf").write_text(EXTENSIONS.format(names=names))
    _self_signed("ca", "authority", "/CN=litmus-gitops demo", folder=folder)
    _self_signed("server", "server", "/CN=127.0.0.1", "-CA", "ca.crt", "-CAkey", "ca.key", folder=folder)
    return Certificates(folder / "ca.crt", folder / "server.crt", folder / "server.key")
