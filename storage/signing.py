"""Signatures of the evidence: who has the public key can check it, without us."""

import base64
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from schemas.errors import BadInput


@dataclass(frozen=True, repr=False)
class Signer:
    """The audit signing key, Ed25519."""

    key: Ed25519PrivateKey

    def sign(self, message: bytes) -> bytes:
        """64 bytes of signature."""
        return self.key.sign(message)

    @property
    def public(self) -> "PublicKey":
        """What anybody may have in order to check."""
        return PublicKey(self.key.public_key())


@dataclass(frozen=True)
class PublicKey:
    """Checks what `Signer` signed. Written as 32 bytes in base64."""

    key: Ed25519PublicKey

    @classmethod
    def read(cls, text: str) -> "PublicKey":
        """Raises `BadInput` for what is no such key."""
        try:
            return cls(Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True)))
        except ValueError:
            raise BadInput("The public key is not 32 bytes in base64") from None

    def __str__(self) -> str:
        raw = self.key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b64encode(raw).decode()

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the owner of the key signed exactly this."""
        try:
            self.key.verify(signature, message)
        except InvalidSignature:
            return False
        return True
