"""Requests with a mark in every field that can hold a person's data, each of its own person."""

import base64
import itertools
from typing import Any

from schemas.request import Attachment
from tests.office import a_form
from tests.privacy.marks import mark, telephone, word

_numbers = itertools.count(1)


def a_person() -> dict[str, Any]:
    """Somebody whose name, addresses and numbers are marked."""
    n = next(_numbers)
    return {
        "name": f"{mark('name')} {n}",
        "identifiers": [
            {"type": "email", "value": f"{word('email')}{n}@example.fi"},
            {"type": "phone", "value": telephone(n)},
            {"type": "customer_number", "value": f"{word('number')}-{n}"},
        ],
        "address": f"{mark('address')} {n}, 50100 Mikkeli",
    }


def a_request(kind: str = "access", *scope: str, **more: Any) -> dict[str, Any]:
    """A letter with everything that a letter can hold; `more` as in `tests.office.a_form`.

    Not marked: codes of the policy (scope, purposes, identifier types), media types, enums, times.
    """
    form = {
        "of": a_person(),
        "scope": list(scope) or ["customers"],
        "evidence": {
            "signed": True,
            "identification": {"kind": word("documentkind"), "checked_by": mark("checkedby")},
        },
        "message": f"{mark('message')}: please",
        "attachments": [a_file_of("attachment")],
        "idempotency_key": f"{mark('key')}-{next(_numbers)}",
    }
    if kind == "consent":
        form["consent"] = {
            "given": True, "text_version": mark("textversion"), "means": mark("means"),
        }  # fmt: skip
    if kind == "correct":
        form["corrections"] = [a_correction()]
    return a_form(kind, **(form | more))


def a_correction(**more: Any) -> dict[str, Any]:
    """Of an address, with what stands there, what should, and why."""
    return {
        "field": "email", "old": mark("oldvalue"), "new": mark("newvalue"),
        "evidence": mark("evidence"),
    } | more  # fmt: skip


def by_email(kind: str, *scope: str, **more: Any) -> dict[str, Any]:
    """The same by e-mail, without further evidence."""
    return a_request(kind, *scope, channel="email", evidence={}, **more)


def an_agent() -> dict[str, str]:
    """Somebody who acts for the person."""
    return {"name": mark("agent"), "relation": "agent", "mandate": mark("mandate")}


def a_file_of(field: str) -> dict[str, str]:
    """A file whose name and content are marked."""
    content = base64.b64encode(mark(f"{field}content").encode()).decode()
    return {"name": f"{mark(f'{field}name')}.txt", "media_type": "text/plain", "base64": content}


def a_file(field: str) -> Attachment:
    """The same, as a task is answered with."""
    return Attachment.model_validate(a_file_of(field))


def chosen(*items: str) -> Attachment:
    """The answer to a task `choose_match`."""
    content = base64.b64encode(f'{{"belongs": {list(items)}}}'.replace("'", '"').encode())
    return Attachment.model_validate(
        {"name": "chosen.json", "media_type": "application/json", "base64": content}
    )


def an_order(of: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A legal hold on the data of somebody, as the DPO hands it in."""
    return {
        "authority": mark("authority"), "reference": mark("reference"), "country": "FI",
        "note": mark("holdnote"), "person": {"identifiers": of["identifiers"]},
    } | more  # fmt: skip
