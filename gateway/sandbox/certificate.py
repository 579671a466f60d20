"""A certificate of the sandbox's own for TLS on this machine. It is its own authority: a client is told to trust the file.

Source: RFC 5280; what clients ask of a server's certificate: a name in subjectAltName, and a limited lifetime.
"""

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_NAMES = ("localhost",)
_ADDRESSES = ("127.0.0.1", "::1")
_LIFETIME = timedelta(days=365)
_RENEWED_BEFORE = timedelta(days=7)


def self_signed(folder: Path, *, now: datetime | None = None) -> tuple[Path, Path]:
    """`certificate.pem` and `key.pem` in the folder: those that are there, or new ones when they are about to expire.

    Raises:
        OSError: the folder cannot be written.
    """
    moment = datetime.now(UTC) if now is None else now
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if not _is_good(certificate, key, moment):
        _write(certificate, key, moment)
    return certificate, key


def _is_good(certificate: Path, key: Path, now: datetime) -> bool:
    try:
        known = x509.load_pem_x509_certificate(certificate.read_bytes())
        signer = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        return False
    is_pair = known.public_key() == signer.public_key()
    return is_pair and known.not_valid_before_utc <= now < known.not_valid_after_utc - _RENEWED_BEFORE


def _write(certificate: Path, key: Path, now: datetime) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    signed = _certificate(private, now)
    key.unlink(missing_ok=True)
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(
            private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))


def _certificate(private: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sandbox on this machine")])
    alternatives = [
        *(x509.DNSName(host) for host in _NAMES),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES),
    ]
    public = private.public_key()
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(private, hashes.SHA256())
    )
