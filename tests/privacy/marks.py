"""Marks for personal data, and a scanner that finds them however they are encoded.

Every mark begins alike and ends with the name of its field, so that a find says what has leaked.
"""

import base64
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

DEPTH: Final = 4
"""How many encodings may lie around one another: base64 in JSON in gzip in hex."""

NEAR: Final = 100
"""Bytes around an escaped letter in which the rest of its mark lies."""

LEAST: Final = 14  # bytes in which an encoded mark has room
MOST: Final = 1 << 22  # bytes of one compressed stream that are unpacked
TELEPHONE: Final = "3585077552"


def mark(field: str) -> str:
    """A mark as it stands in a name or a text; `field` is of small letters only."""
    return f"Kanäria_{field}"


def word(field: str) -> str:
    """The same where only `[a-z0-9_]` is taken: an address, a code."""
    return f"kanaria_{field}"


def telephone(number: int) -> str:
    """A marked telephone number (two digits of our own)."""
    return f"+{TELEPHONE}{number:02}"


class Hit(NamedTuple):
    """A mark that was found: of which field, and in which encodings, the outermost first."""

    field: str
    way: str


# UTF-8 composed and decomposed, Latin-1, UTF-16; any case.
_MARK: Final = re.compile(
    rb"kan(?:a|\xc3[\xa4\x84]|[\xe4\xc4]|a\xcc\x88)ria(?:_([a-z]+))?"
    rb"|k\0a\0n\0[a\xe4\xc4]\0r\0i\0a\0|(" + TELEPHONE.encode() + rb")",
    re.IGNORECASE,
)


def hits(data: bytes) -> frozenset[Hit]:
    """Every mark in the data."""
    return frozenset(_hits(data, (), DEPTH))


def fields(data: bytes) -> frozenset[str]:
    """The fields whose marks are in the data."""
    return frozenset(hit.field for hit in hits(data))


def _hits(data: bytes, way: tuple[str, ...], depth: int) -> Iterator[Hit]:
    for found in _MARK.finditer(data):
        field = "telephone" if found[2] else (found[1] or b"?").decode().lower()
        yield Hit(field, ">".join(way) or "plain")
    if depth and len(data) >= LEAST:
        for name, decoded in _DECODERS.items():
            for piece in decoded(data):
                yield from _hits(piece, (*way, name), depth - 1)


_HEX: Final = re.compile(rb"[0-9a-fA-F]{14,}")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{10,}")
_QUOTED: Final = re.compile(rb"%[0-9A-Fa-f]{2}")
_ESCAPE: Final = re.compile(rb"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([0-3][0-7]{2}))")
_ZLIB: Final = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_GZIP: Final = re.compile(rb"\x1f\x8b\x08")
_ZIP: Final = re.compile(rb"PK\x03\x04(?s:.{4})\x08\x00(?s:.{16})(?s:(..)(..))")


def _hex(data: bytes) -> Iterator[bytes]:
    for run in set(_HEX.findall(data)):
        for start in range(1 + len(run) % 2):  # a digit before it may belong to something else
            digits = run[start:]
            yield bytes.fromhex(digits[: len(digits) // 2 * 2].decode())


def _base64(data: bytes) -> Iterator[bytes]:
    """At every alignment: what is encoded may begin anywhere in the run."""
    for run in set(_BASE64.findall(data)):
        if _HEX.fullmatch(run):
            continue
        letters = run.translate(bytes.maketrans(b"-_", b"+/"))
        for start in range(4):
            piece = letters[start:]
            if len(piece) % 4 == 1:
                piece = piece[:-1]
            yield base64.b64decode(piece + b"=" * (-len(piece) % 4))


def _quoted(data: bytes) -> Iterator[bytes]:
    for piece in _around(_QUOTED, data):
        yield unquote_to_bytes(piece)


def _escaped(data: bytes) -> Iterator[bytes]:
    r"""Of JSON (`\u00e4`), of Python and Go (`\xc3\xa4`), of protocol buffers (octal)."""
    for piece in _around(_ESCAPE, data):
        yield _ESCAPE.sub(_unescaped, piece)


def _around(escape: re.Pattern[bytes], data: bytes) -> Iterator[bytes]:
    """The neighbourhoods of escapes: a mark is short."""
    start = end = 0
    for found in escape.finditer(data):
        if found.start() > end:
            if end:
                yield data[start:end]
            start = max(0, found.start() - NEAR)
        end = found.end() + NEAR
    if end:
        yield data[start:end]


def _unescaped(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return chr(int(found[1], 16)).encode("utf-8", "replace")
    return bytes([int(found[2], 16) if found[2] else int(found[3], 8)])


def _zlib(data: bytes) -> Iterator[bytes]:
    yield from _inflated(data, (found.start() for found in _ZLIB.finditer(data)), zlib.MAX_WBITS)


def _gzip(data: bytes) -> Iterator[bytes]:
    starts = (found.start() for found in _GZIP.finditer(data))
    yield from _inflated(data, starts, zlib.MAX_WBITS | 16)


def _zip(data: bytes) -> Iterator[bytes]:
    """The members of a ZIP file."""
    starts = (
        found.end() + int.from_bytes(found[1], "little") + int.from_bytes(found[2], "little")
        for found in _ZIP.finditer(data)
    )
    yield from _inflated(data, starts, -zlib.MAX_WBITS)


def _inflated(data: bytes, starts: Iterator[int], bits: int) -> Iterator[bytes]:
    for start in starts:
        try:
            piece = zlib.decompressobj(bits).decompress(data[start:], MOST)
        except zlib.error:
            continue
        if piece:
            yield piece


_DECODERS: Final[Mapping[str, Callable[[bytes], Iterator[bytes]]]] = {
    "hex": _hex,
    "base64": _base64,
    "quoted": _quoted,
    "escaped": _escaped,
    "zlib": _zlib,
    "gzip": _gzip,
    "zip": _zip,
}
