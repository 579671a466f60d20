"""What the identity provider keeps: its signing keys and one client secret, in a folder or in memory.

Both are made once, at the first start, from the operating system's randomness; no secret is a constant in the code.
Files are private to their owner (mode 0600) and appear whole or not at all, so that two processes starting at the same
moment agree. A key is never removed by a rotation: tokens signed before it stay verifiable.

Source: RFC 7517 (JSON Web Key), RFC 7638 (thumbprints as key ids).
"""

import base64
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

_KEY_SIZE = 2048
_PUBLIC_EXPONENT = 65537


@dataclass(frozen=True)
class SigningKey:
    """An RSA key pair and the id under which its public half is published."""

    kid: str
    private: rsa.RSAPrivateKey

    @classmethod
    def from_pem(cls, pem: bytes) -> "SigningKey":
        # Our own file: checking the arithmetic of the key again costs more than all the rest of opening a sandbox.
        private = serialization.load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(private, rsa.RSAPrivateKey):
            raise TypeError("A signing key of the sandbox is an RSA key; remove the file to get a new one.")
        modulus, exponent = _numbers(private)
        required_members = json.dumps({"e": exponent, "kty": "RSA", "n": modulus}, separators=(",", ":"))
        return cls(_base64url(hashlib.sha256(required_members.encode()).digest()), private)

    def public_jwk(self) -> dict[str, str]:
        """The published half. Like Entra ID it names no `alg`; readers must know that it is RS256."""
        modulus, exponent = _numbers(self.private)
        return {"kty": "RSA", "use": "sig", "kid": self.kid, "n": modulus, "e": exponent}


class KeyRing:
    """The keys in the order they were made; the last one signs, all of them verify."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._keys: list[SigningKey] = []
        self.reload()
        if not self._keys:
            self.rotate()

    @property
    def current(self) -> SigningKey:
        return self._keys[-1]

    @property
    def published(self) -> tuple[SigningKey, ...]:
        return tuple(self._keys)

    def find(self, kid: str) -> SigningKey | None:
        """The key of that id; looks into the folder again, since another process may have rotated."""
        known = self._known(kid)
        if known is None and self.reload():
            known = self._known(kid)
        return known

    def reload(self) -> bool:
        """Picks up keys that another process added; says whether there were any."""
        if self._folder is None or not self._folder.is_dir():
            return False
        files = sorted(self._folder.glob("signing-key-*.pem"))
        if len(files) == len(self._keys):
            return False
        self._keys = [SigningKey.from_pem(file.read_bytes()) for file in files]
        return True

    def rotate(self) -> SigningKey:
        """Adds a key that signs from now on."""
        if self._folder is None:
            self._keys.append(SigningKey.from_pem(_new_pem()))
        else:
            self.reload()
            keep(self._folder / f"signing-key-{len(self._keys) + 1:04}.pem", _new_pem)
            self.reload()
        return self.current

    def _known(self, kid: str) -> SigningKey | None:
        return next((key for key in self._keys if key.kid == kid), None)


def client_secret(folder: Path | None) -> str:
    """The secret of the gateway's own application."""
    if folder is None:
        return _new_secret().decode()
    return keep(folder / "gateway-client-secret", _new_secret).decode()


def keep(file: Path, make: Callable[[], bytes]) -> bytes:
    """The content of a private file, made first if it is missing. The first to make it wins."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")  # mkstemp makes it 0600
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(make())
            _publish(Path(draft), file)
        finally:
            Path(draft).unlink(missing_ok=True)
    return file.read_bytes()


def _publish(draft: Path, file: Path) -> None:
    try:
        os.link(draft, file)  # unlike a rename, a link never replaces what somebody else put there
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        draft.replace(file)


def _new_pem() -> bytes:
    private = rsa.generate_private_key(public_exponent=_PUBLIC_EXPONENT, key_size=_KEY_SIZE)
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _new_secret() -> bytes:
    return secrets.token_urlsafe(32).encode()


def _numbers(private: rsa.RSAPrivateKey) -> tuple[str, str]:
    public = private.public_key().public_numbers()
    return _base64url_number(public.n), _base64url_number(public.e)


def _base64url_number(number: int) -> str:
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
