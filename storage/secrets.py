"""The three secrets outside the database: key-encryption key, pepper, audit signing key.

Each is a file of its own, mode 0600, one line: a name and 32 bytes in base64. Fresh ones are made
only for a database that holds nothing yet; where data exists, a missing or wrong file is refused.
While the key-encryption key is rotated (`storage.rotation`) two of its files lie side by side.
"""

import base64
import binascii
import hmac
import os
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from schemas.errors import RefusedByRule
from storage.signing import Signer

KEY_BYTES: Final = 32


class SecretRefused(RefusedByRule):
    """A secret is missing, readable by others, damaged, or not the one that the data needs."""


class KeyEncryption(Protocol):
    """What wraps the keys of cases. A key-management service implements these four."""

    @property
    def key_id(self) -> str:
        """The name of the key that `wrap` uses now; stored beside what it wrapped."""

    def use(self, key_id: str) -> None:
        """Wrap with this key from now on. Raises `SecretRefused` if it is not here."""

    async def wrap(self, key: bytes) -> bytes:
        """Encrypt the 32 bytes of a case's key."""

    async def unwrap(self, wrapped: bytes, key_id: str) -> bytes:
        """The key again. Raises `SecretRefused` if `key_id` is unknown or does not fit."""


@dataclass(frozen=True, repr=False)
class LocalKeyFile:
    """One key-encryption key of a file: AES-256 key wrap, RFC 3394."""

    key_id: str
    key: bytes

    def wrap(self, key: bytes) -> bytes:
        """Encrypt the 32 bytes of a case's key."""
        return aes_key_wrap(self.key, key)

    def unwrap(self, wrapped: bytes) -> bytes:
        """The key again. Raises `SecretRefused` if other bytes of this name wrapped it."""
        try:
            return aes_key_unwrap(self.key, wrapped)
        except InvalidUnwrap:
            raise SecretRefused(
                f"The key-encryption key {self.key_id} does not open what it wrapped: "
                "restore the file as it was"
            ) from None


@dataclass(repr=False)
class KeyFiles:
    """The key-encryption keys of a folder: `key-encryption.key`, and others beside it.

    All unwrap, one wraps: which, the database says (`storage.key_checks`). A file that is copied
    into the folder is found when the first key that it wrapped is met: no restart is needed.
    """

    folder: Path
    key_id: str
    keys: dict[str, LocalKeyFile] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> "KeyFiles":
        """Every file of the folder. Raises `SecretRefused`, naming the file that is bad."""
        keys = _key_files(folder)
        return cls(folder, next(iter(keys)), keys)

    def new(self) -> Path:
        """Make a further key, for nothing yet; its file."""
        name = _fresh_name("kek")
        path = self.folder / f"key-encryption.{name}.key"
        _create(path, name)
        self.keys = _key_files(self.folder)
        return path

    def use(self, key_id: str) -> None:
        """Wrap with this key from now on. Raises `SecretRefused` if it is not here."""
        self.key_id = self._known(key_id).key_id

    async def wrap(self, key: bytes) -> bytes:
        """Encrypt the 32 bytes of a case's key."""
        return self._known(self.key_id).wrap(key)

    async def unwrap(self, wrapped: bytes, key_id: str) -> bytes:
        """The key again. Raises `SecretRefused` if the key that wrapped it is not here."""
        return self._known(key_id).unwrap(wrapped)

    def _known(self, key_id: str) -> LocalKeyFile:
        if key_id not in self.keys:
            self.keys = _key_files(self.folder)
        if key_id not in self.keys:
            raise SecretRefused(
                f"The data needs the key-encryption key {key_id}, {', '.join(self.keys)} is "
                f"installed: restore the file of that key in {self.folder}"
            )
        return self.keys[key_id]


@dataclass(frozen=True, repr=False)
class Pepper:
    """The key of every keyed hash: who has a dump without it cannot try names or addresses."""

    key: bytes

    def digest(self, kind: str, *values: str | bytes) -> bytes:
        """HMAC-SHA-256 of the values under their kind; no two lists of values are the same text."""
        mac = hmac.new(self.key, b"dsr-digest/1", sha256)
        for value in (kind, *values):
            data = value.encode() if isinstance(value, str) else value
            mac.update(len(data).to_bytes(8, "big"))
            mac.update(data)
        return mac.digest()


@dataclass(frozen=True, repr=False)
class Secrets:
    """What the engine holds outside its database."""

    kek: KeyEncryption
    pepper: Pepper
    signer: Signer

    @classmethod
    def load(cls, folder: Path) -> "Secrets":
        """Read the three files. Raises `SecretRefused`, naming the file that is missing or bad."""
        kek = KeyFiles.load(folder)
        (_, pepper), (_, signing) = (_read(folder / name) for name in FILES if name != KEK)
        signer = Signer(Ed25519PrivateKey.from_private_bytes(signing))
        return cls(kek, Pepper(pepper), signer)

    @classmethod
    def load_or_create(cls, folder: Path) -> "Secrets":
        """As `load`, with fresh files for those that are missing: only for an empty database."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, purpose in FILES.items():
            _create(folder / name, _fresh_name(purpose))
        return cls.load(folder)


KEK: Final = "key-encryption.key"
FILES: Final = {KEK: "kek", "pepper.key": "pepper", "audit-signing.key": "audit"}


def _key_files(folder: Path) -> dict[str, LocalKeyFile]:
    """By name; the first one is missed only where a rotation has left another."""
    others = sorted(folder.glob("key-encryption.*.key"))
    first = [] if others and not (folder / KEK).exists() else [folder / KEK]
    return {name: LocalKeyFile(name, key) for name, key in map(_read, [*first, *others])}


def _fresh_name(purpose: str) -> str:
    return f"{purpose}-{secrets.token_hex(4)}"


def _read(path: Path) -> tuple[str, bytes]:
    try:
        if path.stat().st_mode & 0o077:
            raise SecretRefused(f"{path} can be read by others: chmod 600 {path}")
        name, encoded = path.read_text("ascii").split()
        key = base64.b64decode(encoded, validate=True)
    except FileNotFoundError:
        raise SecretRefused(
            f"{path} is missing: restore it from where you keep it, no other key opens the data"
        ) from None
    except OSError as error:
        raise SecretRefused(f"{path} cannot be read ({type(error).__name__})") from None
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise SecretRefused(f"{path} is damaged: restore it from where you keep it")
    return name, key


def _create(path: Path, name: str) -> None:
    """Write a fresh key, unless there is one: whole or not at all, also beside another process."""
    draft = path.with_suffix(f".{secrets.token_hex(4)}")
    line = f"{name} {base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}\n"
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
