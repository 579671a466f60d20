"""How the application proves to Entra ID who it is: by a secret, or by a certificate whose key it has.

Source: Microsoft identity platform, "Certificate credentials"; msal, ``ConfidentialClientApplication``.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)


@dataclass(frozen=True, slots=True, repr=False)
class Certificate:
    """A certificate with its private key, both as PEM. ``thumbprint`` is what Entra ID's pages show beside an upload."""

    key: str
    certificate: str
    thumbprint: str
    ends_at: datetime

    def __repr__(self) -> str:
        return f"Certificate(thumbprint={self.thumbprint!r}, ends_at={self.ends_at!s})"


def read_certificate(pem: bytes, password: str | None = None) -> Certificate:
    """The key and the certificate that a PEM file holds; the first certificate is the one that goes with the key.

    Raises:
        ValueError: one of the two is missing or cannot be read, or they do not belong together. Says nothing of the content.
    """
    try:
        key = load_pem_private_key(pem, password.encode() if password is not None else None)
        certificate = x509.load_pem_x509_certificate(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("holds no private key with its certificate, or wants another password") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("holds a key that is not RSA, which Entra ID does not take")
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise ValueError("holds a private key and a certificate that do not belong together")
    return Certificate(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        certificate.public_bytes(Encoding.PEM).decode(),
        certificate.fingerprint(SHA1()).hex().upper(),  # noqa: S303 - a name, not a proof
        certificate.not_valid_after_utc.astimezone(UTC),
    )


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """The application's identity in Entra ID. Neither secret nor key shows in a repr."""

    authority: str
    client_id: str
    proof: str | Certificate

    def __repr__(self) -> str:
        return f"Credentials(authority={self.authority!r}, client_id={self.client_id!r})"

    def for_msal(self) -> str | dict[str, Any]:
        """Without a thumbprint msal takes that of the certificate by SHA-256, which is what Entra ID wants."""
        if isinstance(self.proof, str):
            return self.proof
        return {"private_key": self.proof.key, "public_certificate": self.proof.certificate}
