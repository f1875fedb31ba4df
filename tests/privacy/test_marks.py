"""The scanner finds a mark in every encoding: else a clean scan would prove nothing."""

import base64
import gzip
import io
import json
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.privacy.marks import fields, hits, mark, telephone, word

TEXT = f"someone wrote {mark('message')} here"
ADDRESS = f"{word('message')}07@example.fi"


def _zipped(text: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", text)
    return file.getvalue()


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "utf-8": str.encode,
    "decomposed": lambda text: unicodedata.normalize("NFD", text).encode(),
    "capitals": lambda text: text.upper().encode(),
    "latin-1": lambda text: text.encode("latin-1"),
    "utf-16": lambda text: text.encode("utf-16-le"),
    "json": lambda text: json.dumps(text).encode(),
    "json in json": lambda text: json.dumps(json.dumps(text)).encode(),
    "python bytes": lambda text: repr(text.encode()).encode(),
    "octal": lambda text: "".join(
        chr(b) if b < 128 else f"\\{b:03o}" for b in text.encode()
    ).encode(),
    "hex": lambda text: text.encode().hex().encode(),
    "hex, odd": lambda text: b"a" + text.encode().hex().encode(),
    "hex in capitals": lambda text: text.encode().hex().upper().encode(),
    "url": lambda text: quote(text).encode(),
    "base64 of url": lambda text: base64.b64encode(quote(text).encode()),
    "gzip": lambda text: b"xy" + gzip.compress(text.encode()),
    "zlib": lambda text: b"xy" + zlib.compress(text.encode(), 1),
    "zip": _zipped,
    "bytea of zlib": lambda text: b"\\x02" + zlib.compress(text.encode()).hex().encode(),
    "base64 of gzip": lambda text: base64.b64encode(gzip.compress(text.encode())),
    "hex of gzip of base64 of json": lambda text: (
        gzip.compress(base64.b64encode(json.dumps(text).encode())).hex().encode()
    ),
}


@pytest.mark.parametrize("text", [TEXT, ADDRESS], ids=["text", "address"])
@pytest.mark.parametrize("name", ENCODINGS)
def test_a_mark_is_found_in_every_encoding(name: str, text: str):
    data = b"before " + ENCODINGS[name](text) + b" after"

    assert fields(data) & {"message", "?"}


@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("shift", range(3))
@pytest.mark.parametrize("glued", ["", "x", "/xy", "abc"])
def test_a_mark_is_found_in_base64_at_every_alignment(
    alphabet: Callable[[bytes], bytes], shift: int, glued: str
):
    encoded = alphabet(b"?" * shift + mark("name").encode() + b"?>~")

    assert "name" in fields(glued.encode() + encoded)


def test_a_telephone_number_is_a_mark():
    assert fields(f"tel:{telephone(7)}".encode()) == {"telephone"}


def test_a_find_names_the_field_and_the_encodings():
    assert ("name", "hex>base64") in hits(base64.b64encode(mark("name").encode()).hex().encode())


def test_what_holds_no_mark_gives_no_find():
    data = bytes(range(256)) * 64 + b"Aino Virtanen, +358 40 1234567, 2026-10-31T09:00:00Z"

    assert hits(data) == frozenset()
