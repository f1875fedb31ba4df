"""Who signed: the certificate of a partner's domain, and its signature over the bytes of a body."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError


class NotCertified(Exception):
    """No certificate of this domain that the authority vouches for now."""


def certified_key(chain: bytes, authority: bytes, domain: str, at: datetime) -> RSAPublicKey:
    """The key of the first certificate in `chain`, if the authority vouches for it.

    Both are PEM. Checked: the chain, the domain, the dates at `at`. Raises `NotCertified`.
    """
    try:
        leaf, *between = x509.load_pem_x509_certificates(chain)
        store = Store(x509.load_pem_x509_certificates(authority))
        verifier = PolicyBuilder().store(store).time(at).build_server_verifier(x509.DNSName(domain))
        verifier.verify(leaf, between)
    except (ValueError, VerificationError):
        raise NotCertified(domain) from None
    key = leaf.public_key()
    if not isinstance(key, RSAPublicKey):
        raise NotCertified(domain)
    return key


def is_signed(key: RSAPublicKey, signature: str, body: bytes) -> bool:
    """Whether `signature` (base64 of RSASSA-PKCS1-v1_5 with SHA-256) is by `key` over the body."""
    try:
        key.verify(b64decode(signature, validate=True), body, PKCS1v15(), SHA256())
    except (InvalidSignature, NotBase64, ValueError):
        return False
    return True


def sign(key: RSAPrivateKey, body: bytes) -> str:
    """The signature as its header carries it."""
    return b64encode(key.sign(body, PKCS1v15(), SHA256())).decode()
