"""Every vector of the project, and how a file of vectors is read."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from rules import deadlines, vectors
from schemas.errors import BadInput

FOLDER = Path(__file__).parent.parent / "vectors"
FILES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
EVERY = [
    pytest.param(document["meta"]["schema"], vector, id=f"{name}-{vector['id']}")
    for name, document in FILES.items()
    for vector in document["vectors"]
]


@pytest.mark.parametrize(("schema", "vector"), EVERY)
def test_the_rules_give_what_the_vector_expects(schema: str, vector: dict[str, Any]):
    assert vectors.check(of(schema, vector)) == vectors.Result((), 1, 0)


def of(schema: str, *listed: Any) -> dict[str, Any]:
    return {"meta": {"schema": schema}, "vectors": list(listed)}


def changed(vector: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one value set (`...` removes it); `path` like `events.0.reason`."""
    copied = copy.deepcopy(vector)
    *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    target: Any = copied
    for key in way:
        target = target[key]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return copied


def deadline(identity: str) -> dict[str, Any]:
    return next(v for v in FILES["deadlines"]["vectors"] if v["id"] == identity)


def fee(identity: str) -> dict[str, Any]:
    return next(v for v in FILES["fees"]["vectors"] if v["id"] == identity)


PAUSED, EXTENDED, BOTH = deadline("P01"), deadline("E01"), deadline("P06")


@pytest.mark.parametrize("key", sorted(FILES["deadlines"]["vectors"][0]["expected"]))
def test_every_key_of_a_time_limit_is_compared(key: str):
    wrong = changed(deadline("E01"), f"expected.{key}", "wrong")
    result = vectors.check(of("deadline-vectors/1", wrong))
    assert (result.passed, result.failed) == (0, 1)
    assert result.lines[0].startswith(f"E01 {key}: expected wrong, got ")


@pytest.mark.parametrize("key", sorted(FILES["fees"]["vectors"][0]["expected"]))
def test_every_key_of_the_fee_rule_is_compared(key: str):
    wrong = changed(fee("F04"), f"expected.{key}", "wrong")
    assert vectors.check(of("fee-vectors/1", wrong)).lines[0].startswith(f"F04 {key}: expected")


def test_a_line_shows_json_values_and_strings_without_quotes():
    wrong = changed(
        changed(EXTENDED, "expected.extension_valid", None), "expected.due_date", "x\ny"
    )
    assert vectors.check(of("deadline-vectors/1", wrong)).lines == (
        "E01 due_date: expected x\\ny, got 2026-04-30",
        "E01 extension_valid: expected null, got true",
    )


def test_false_is_not_zero():
    wrong = changed(EXTENDED, "expected.pause_days", False)
    lines = vectors.check(of("deadline-vectors/1", wrong)).lines
    assert lines == ("E01 pause_days: expected false, got 0",)


def test_only_the_keys_that_are_expected_are_compared():
    short = changed(EXTENDED, "expected", {"due_date": "2026-04-30"})
    assert vectors.check(of("deadline-vectors/1", short)).passed == 1


def test_zone_note_and_other_unknown_keys_of_a_vector_are_ignored():
    odd = changed(changed(PAUSED, "timezone", "Asia/Tokyo"), "events.0.colour", "red")
    assert vectors.check(of("deadline-vectors/1", odd)).passed == 1


INVALID_DEADLINES = {
    "naive receipt": (PAUSED, "received_at", "2026-09-01T10:00:00"),
    "a bare date": (PAUSED, "received_at", "2026-09-01"),
    "no instant": (PAUSED, "received_at", 7),
    "naive question": (PAUSED, "events.0.asked_at", "2026-09-02T10:00:00"),
    "naive answer": (PAUSED, "events.0.answered_at", "2026-09-12T10:00:00"),
    "naive notice": (EXTENDED, "events.0.notified_at", "2026-02-20T10:00:00"),
    "unknown jurisdiction": (PAUSED, "jurisdiction", "SE"),
    "no jurisdiction": (PAUSED, "jurisdiction", ...),
    "unknown kind": (PAUSED, "kind", "answer"),
    "unknown type": (PAUSED, "events.0.type", "stop"),
    "unknown reason": (PAUSED, "events.0.reason", "holiday"),
    "a list as reason": (PAUSED, "events.0.reason", []),
    "no reason": (PAUSED, "events.0.reason", ...),
    "no asked_at": (PAUSED, "events.0.asked_at", ...),
    "no answered_at": (PAUSED, "events.0.answered_at", ...),
    "no flag": (PAUSED, "events.0.asked_without_undue_delay", ...),
    "flag no boolean": (PAUSED, "events.0.asked_without_undue_delay", 1),
    "no months": (EXTENDED, "events.0.months", ...),
    "no notified_at": (EXTENDED, "events.0.notified_at", ...),
    "3 months": (EXTENDED, "events.0.months", 3),
    "0 months": (EXTENDED, "events.0.months", 0),
    "months true": (EXTENDED, "events.0.months", True),
    "two extensions": (EXTENDED, "events", EXTENDED["events"] * 2),
    "answered before asked": (PAUSED, "events.0.answered_at", "2026-09-02T09:59:59+03:00"),
    "asked before receipt": (PAUSED, "events.0.asked_at", "2026-09-01T06:59:59+00:00"),
    "notified before receipt": (EXTENDED, "events.0.notified_at", "2026-01-31T07:59:59+02:00"),
    "no events": (PAUSED, "events", None),
    "event no object": (PAUSED, "events", ["pause"]),
    "nothing expected": (PAUSED, "expected", {}),
    "no expected": (PAUSED, "expected", ...),
    "the end of time": (PAUSED, "received_at", "9999-12-31T23:59:59-14:00"),
    "the beginning of time": (PAUSED, "received_at", "0001-01-01T00:00:00+14:00"),
}


@pytest.mark.parametrize("what", INVALID_DEADLINES)
def test_an_invalid_time_limit_vector_counts_as_failed_with_one_sentence(what: str):
    vector = changed(*INVALID_DEADLINES[what])
    result = vectors.check(of("deadline-vectors/1", vector, deadline("D01")))
    assert (result.passed, result.failed, len(result.lines)) == (1, 1, 1)
    assert result.lines[0].startswith(f"{vector['id']}: ")
    assert result.lines[0].endswith(".")


INVALID_FEES = {
    "entry after the request": (fee("F04"), "history.0.received_at", "2026-11-22T10:00:01+02:00"),
    "naive request": (fee("F04"), "request.received_at", "2026-11-22T10:00:00"),
    "naive delivery": (fee("F04"), "history.0.delivered_at", "2025-12-01T10:00:00"),
    "unknown outcome": (fee("F04"), "history.0.outcome", "lost"),
    "no scope": (fee("F04"), "request.scope", ...),
    "no subject": (fee("F04"), "history.0.subject", ...),
    "no request": (fee("F04"), "request", ...),
    "history no list": (fee("F04"), "history", {}),
    "changed no boolean": (fee("F04"), "history.0.data_changed_since", "no"),
}


@pytest.mark.parametrize("what", INVALID_FEES)
def test_an_invalid_fee_vector_counts_as_failed_with_one_sentence(what: str):
    result = vectors.check(of("fee-vectors/1", changed(*INVALID_FEES[what])))
    assert (result.passed, result.failed, len(result.lines)) == (0, 1, 1)
    assert result.lines[0].startswith("F04: ")


def test_a_vector_without_a_name_is_told_by_its_place():
    result = vectors.check(of("deadline-vectors/1", deadline("D01"), ["no object"]))
    assert result.lines == ("#2: the vector must be an object.",)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"meta": {"schema": "deadline-vectors/2"}, "vectors": [PAUSED]},
        {"meta": {"schema": ["deadline-vectors/1"]}, "vectors": [PAUSED]},
        {"meta": {"schema": "deadline-vectors/1"}},
        {"meta": {"schema": "deadline-vectors/1"}, "vectors": []},
        {"meta": {"schema": "deadline-vectors/1"}, "vectors": {"P01": PAUSED}},
        of("deadline-vectors/1", PAUSED, changed(EXTENDED, "expected.deu_date", "2026-04-30")),
        of("deadline-vectors/1", fee("F04")),
    ],
)
def test_a_file_of_unknown_schema_or_keys_or_without_vectors_is_refused(document: Any):
    with pytest.raises(BadInput, match=r"^[^\n]+\.$"):
        vectors.check(document)


def test_the_keys_of_a_time_limit_are_those_of_the_vectors():
    fields = set(deadlines.TimeLimit.model_fields) - {"explanations"}
    assert fields == set(FILES["deadlines"]["meta"]["expected"])
