"""Whose statement a body is: certificate, domain and signature."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from connectors.opendsr.signature import NotCertified, certified_key, is_signed, sign
from starter.partners.authority import Authority, Certified

BODY = b'{"request_status": "completed"}'
NOW = datetime.now(UTC)
AUTHORITY = Authority.new()
EXPERT = AUTHORITY.certifies("expert.example")


def pem(certified: Certified) -> bytes:
    return certified.certificate.public_bytes(Encoding.PEM)


def test_a_body_signed_with_the_certified_key_is_the_partners():
    key = certified_key(pem(EXPERT), pem(AUTHORITY.own), "expert.example", NOW)

    assert is_signed(key, sign(EXPERT.key, BODY), BODY)


@pytest.mark.parametrize("body", [BODY + b" ", b"", BODY.replace(b"completed", b"pending")])
def test_one_byte_more_or_less_is_not_what_was_signed(body: bytes):
    assert not is_signed(EXPERT.key.public_key(), sign(EXPERT.key, BODY), body)


@pytest.mark.parametrize("signature", ["", "???", "AAAA", "å", sign(AUTHORITY.own.key, BODY)])
def test_what_is_no_signature_of_the_key_counts_for_nothing(signature: str):
    assert not is_signed(EXPERT.key.public_key(), signature, BODY)


@pytest.mark.parametrize(
    ("chain", "authority", "domain", "at"),
    [
        (pem(EXPERT), pem(AUTHORITY.own), "other.example", NOW),
        (pem(EXPERT), pem(Authority.new().own), "expert.example", NOW),
        (pem(EXPERT), pem(AUTHORITY.own), "expert.example", NOW + timedelta(days=60)),
        (pem(AUTHORITY.own), pem(AUTHORITY.own), "expert.example", NOW),
        (b"no certificate", pem(AUTHORITY.own), "expert.example", NOW),
        (pem(EXPERT), b"no authority", "expert.example", NOW),
    ],
    ids=["another domain", "another authority", "ended", "the authority itself", "none", "no CA"],
)
def test_a_certificate_counts_for_its_domain_chain_and_time_only(
    chain: bytes, authority: bytes, domain: str, at: datetime
):
    with pytest.raises(NotCertified):
        certified_key(chain, authority, domain, at)
