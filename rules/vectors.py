"""Checking the rules against files of expected results: time limits and the 12-month rule.

A file's `meta.schema` names its kind. A vector is read strictly: what is missing or impossible in
it makes that vector fail, in one sentence. Nothing is read or printed here.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeVar

from rules import calendars, deadlines, fees
from rules.reckoning import Notice, ReplyKind, check_facts
from schemas.case import Pause, PauseReason
from schemas.errors import BadInput
from schemas.policy import FeePolicyName
from schemas.request import Kind

Json = Mapping[str, object]
T = TypeVar("T")

FEE_ZONE: Final = "Europe/Helsinki"
FREE_AFTER_MONTHS: Final = 12
_DEADLINE_KEYS: Final = tuple(deadlines.TimeLimit.model_fields.keys() - {"explanations"})
_FEE_KEYS: Final = ("recommended", "literal_notice", "legacy_523_1999", "free_from")
_EVENTS: Final = {"pause": "pause", "extension": "extension"}
_MISSING: Final = object()


class Result(NamedTuple):
    """A line for each mismatch and each invalid vector, and how many vectors passed and failed."""

    lines: tuple[str, ...]
    passed: int
    failed: int


class _Schema(NamedTuple):
    keys: tuple[str, ...]
    compute: Callable[[Json], Json]


def check(document: object) -> Result:
    """Compares every vector of a file, read from JSON, with what the rules give.

    Raises `BadInput` for an unknown `meta.schema`, no vectors, or an unknown key of `expected`.
    """
    meta = document.get("meta") if isinstance(document, dict) else None
    name = meta.get("schema") if isinstance(meta, dict) else None
    schema = _SCHEMAS.get(name) if isinstance(name, str) else None
    if not isinstance(document, dict) or schema is None:
        raise BadInput(f"meta.schema is unknown: give one of {', '.join(_SCHEMAS)}.")
    vectors = document.get("vectors")
    if not isinstance(vectors, list) or not vectors:
        raise BadInput("There are no vectors in the file: list at least one under vectors.")
    named = [(_name(vector, place), vector) for place, vector in enumerate(vectors, 1)]
    for identity, vector in named:
        _refuse_unknown_keys(identity, vector, schema.keys)
    found = [_faults(identity, vector, schema.compute) for identity, vector in named]
    failed = sum(1 for faults in found if faults)
    return Result(tuple(line for faults in found for line in faults), len(found) - failed, failed)


def _name(vector: object, place: int) -> str:
    identity = vector.get("id") if isinstance(vector, dict) else None
    return _shown(identity) if isinstance(identity, str | int) else f"#{place}"


def _refuse_unknown_keys(identity: str, vector: object, known: tuple[str, ...]) -> None:
    expected = vector.get("expected") if isinstance(vector, dict) else None
    for key in expected if isinstance(expected, dict) else ():
        if key not in known:
            raise BadInput(
                f"{identity}: expected has the unknown key {_shown(key)}: the keys are "
                f"{', '.join(sorted(known))}."
            )


def _faults(identity: str, vector: object, compute: Callable[[Json], Json]) -> list[str]:
    try:
        vector = _mapping(vector, "the vector")
        expected = _mapping(_need(vector, "expected", "the vector"), "expected")
        if not expected:
            raise BadInput("expected is empty: name at least one result.")
        got = compute(vector)
    except BadInput as invalid:
        return [f"{identity}: {invalid}"]
    return [
        f"{identity} {key}: expected {_shown(value)}, got {_shown(got[key])}"
        for key, value in expected.items()
        if json.dumps(value) != json.dumps(got[key])
    ]


def _shown(value: object) -> str:
    """A JSON value; strings without their quotes, still on one line and printable."""
    written = json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace").decode()
    return written[1:-1] if isinstance(value, str) else written


def _time_limit(vector: Json) -> Json:
    jurisdiction = _word(vector, "jurisdiction", "the vector", deadlines.JURISDICTIONS)
    kind = _word(vector, "kind", "the vector", {kind.value: kind for kind in ReplyKind})
    received_at = _instant(_need(vector, "received_at", "the vector"), "received_at")
    pauses, notice = _events(_need(vector, "events", "the vector"))
    check_facts(received_at, pauses, notice)
    limit = deadlines.time_limit(received_at, jurisdiction, kind=kind, pauses=pauses, notice=notice)
    return limit.model_dump(mode="json")


def _events(listed: object) -> tuple[list[Pause], Notice | None]:
    pauses, notices = [], []
    for place, item in enumerate(_list(listed, "events")):
        where = f"events[{place}]"
        event = _mapping(item, where)
        if _word(event, "type", where, _EVENTS) == "pause":
            pauses.append(_pause(event, where))
        else:
            notices.append(_notice(event, where))
    if len(notices) > 1:
        raise BadInput("events holds two extensions: there can be one at most.")
    return pauses, notices[0] if notices else None


def _pause(event: Json, where: str) -> Pause:
    flag = _need(event, "asked_without_undue_delay", where)
    if not isinstance(flag, bool):
        raise BadInput(f"{where}.asked_without_undue_delay must be true or false.")
    return Pause(
        reason=_word(event, "reason", where, {reason.value: reason for reason in PauseReason}),
        asked_at=_instant(_need(event, "asked_at", where), f"{where}.asked_at"),
        answered_at=_instant_or_null(event, "answered_at", where),
        counted=flag,
    )


def _notice(event: Json, where: str) -> Notice:
    months = _need(event, "months", where)
    if not isinstance(months, int) or isinstance(months, bool):
        raise BadInput(f"{where}.months must be 1 or 2.")
    return Notice(months, _instant_or_null(event, "notified_at", where))


def _fees(vector: Json) -> Json:
    zone = calendars.zone(FEE_ZONE)
    asked = _mapping(_need(vector, "request", "the vector"), "request")
    request = _inquiry(asked, "request", fees.InquiryOutcome.OPEN)
    subject = _text(asked, "subject", "request")
    entries = [
        (_text(entry, "subject", where), _entry(entry, where))
        for where, entry in _history(_need(vector, "history", "the vector"))
    ]
    fees.check_order(request.received_at, (entry.received_at for _, entry in entries))
    history = [entry for whose, entry in entries if whose == subject]
    flagged = asked.get("manual_flag") is not None
    notice = fees.assess(request, history, FeePolicyName.NOTICE, FREE_AFTER_MONTHS, zone)
    gdpr = fees.assess(
        request, history, FeePolicyName.GDPR, FREE_AFTER_MONTHS, zone, manual_flag=flagged
    )
    return {
        "recommended": gdpr.result.upper(),
        "literal_notice": notice.result.upper(),
        "legacy_523_1999": fees.legacy(request, history, zone).upper(),
        "free_from": gdpr.free_from.isoformat() if gdpr.free_from else None,
    }


def _history(listed: object) -> list[tuple[str, Json]]:
    named = [(f"history[{place}]", item) for place, item in enumerate(_list(listed, "history"))]
    return [(where, _mapping(item, where)) for where, item in named]


def _entry(entry: Json, where: str) -> fees.Inquiry:
    outcomes = {outcome.value: outcome for outcome in fees.InquiryOutcome}
    inquiry = _inquiry(entry, where, _word(entry, "outcome", where, outcomes))
    changed = entry.get("data_changed_since")
    if not (changed is None or isinstance(changed, bool)):
        raise BadInput(f"{where}.data_changed_since must be true, false or null.")
    return inquiry.model_copy(
        update={
            "delivered_at": _instant_or_null(entry, "delivered_at", where),
            "data_changed_since": changed,
        }
    )


def _inquiry(entry: Json, where: str, outcome: fees.InquiryOutcome) -> fees.Inquiry:
    """Any right other than access is handled alike."""
    right = _text(entry, "right", where)
    return fees.Inquiry(
        id=str(entry.get("id")),
        kind=Kind.ACCESS if right == "access" else Kind.DELETE,
        scope=(_text(entry, "scope", where),),
        received_at=_instant(_need(entry, "received_at", where), f"{where}.received_at"),
        outcome=outcome,
    )


def _need(source: Json, key: str, where: str) -> object:
    value = source.get(key, _MISSING)
    if value is _MISSING:
        raise BadInput(f"{where} has no {key}: it has to be given.")
    return value


def _mapping(value: object, where: str) -> Json:
    if not isinstance(value, dict):
        raise BadInput(f"{where} must be an object.")
    return value


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise BadInput(f"{where} must be a list, [] for none.")
    return value


def _text(source: Json, key: str, where: str) -> str:
    value = _need(source, key, where)
    if not isinstance(value, str):
        raise BadInput(f"{where}.{key} must be a text.")
    return value


def _word(source: Json, key: str, where: str, known: Mapping[str, T]) -> T:
    value = _need(source, key, where)
    if not isinstance(value, str) or value not in known:
        raise BadInput(f"{where}.{key} is unknown: give one of {', '.join(known)}.")
    return known[value]


def _instant_or_null(source: Json, key: str, where: str) -> datetime | None:
    value = _need(source, key, where)
    return None if value is None else _instant(value, f"{where}.{key}")


def _instant(value: object, where: str) -> datetime:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        if at is not None and at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise BadInput(f"{where} must be an instant with its offset, like 2026-03-05T10:00:00+02:00.")


_SCHEMAS: Final = {
    "deadline-vectors/1": _Schema(_DEADLINE_KEYS, _time_limit),
    "fee-vectors/1": _Schema(_FEE_KEYS, _fees),
}
