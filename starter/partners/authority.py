"""An authority of the demonstration's own, and the certificates that it gives to partners."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID: Final = timedelta(days=30)
_SIGNS_CERTIFICATES: Final = {"key_cert_sign", "crl_sign"}
_SIGNS_BODIES: Final = {"digital_signature"}


class Certified(NamedTuple):
    """A key with its certificate."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    def write(self, folder: Path, name: str) -> None:
        """As NAME.key and NAME.pem; the key is readable by its owner only."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{name}.key").touch(mode=0o600)
        (folder / f"{name}.key").write_bytes(key)
        self.write_certificate(folder / f"{name}.pem")

    def write_certificate(self, file: Path) -> None:
        """Alone: the key stays in this process."""
        file.write_bytes(self.certificate.public_bytes(Encoding.PEM))


class Authority(NamedTuple):
    """Vouches for domains."""

    own: Certified

    @classmethod
    def new(cls, name: str = "Demonstration CA") -> Self:
        """With a fresh key."""
        key, subject = _key(), _name(name)
        building = _building(subject, subject, key, timedelta(days=1)).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        building = building.add_extension(_usage(_SIGNS_CERTIFICATES), critical=True)
        return cls(Certified(key, building.sign(key, SHA256())))

    def certifies(self, domain: str, *, ended: bool = False) -> Certified:
        """A key and certificate of this domain; `ended`: one that is not valid any more."""
        key, issuer = _key(), self.own.certificate
        since = 2 * VALID if ended else timedelta(hours=1)
        building = _building(_name(domain), issuer.subject, key, since)
        for extension, critical in (
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_usage(_SIGNS_BODIES), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
            (x509.SubjectAlternativeName([x509.DNSName(domain)]), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self.own.key.public_key()), False),
        ):
            building = building.add_extension(extension, critical=critical)
        return Certified(key, building.sign(self.own.key, SHA256()))


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _building(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, since: timedelta
) -> x509.CertificateBuilder:
    begins = datetime.now(UTC) - since
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(allowed: set[str]) -> x509.KeyUsage:
    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name in allowed for name in every})
