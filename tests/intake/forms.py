"""Odd but valid forms: whatever people write, in every kind and channel."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from schemas.request import Channel, Language, Relation

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
LINES = TEXTS.filter(lambda text: text.strip())
LOCALS = st.from_regex(r"[a-zäß爱'+_][a-z0-9äß爱'+_]{0,20}", fullmatch=True)
DOMAINS = st.sampled_from(["x.example", "ÄÄ.example", "例子.example"])
EMAILS = st.builds("{}@{}".format, LOCALS, DOMAINS)
PHONES = st.from_regex(r"0[1-9][0-9]{6,9}", fullmatch=True)
IDENTIFIERS = st.one_of(
    st.fixed_dictionaries({"type": st.just("email"), "value": EMAILS}),
    st.fixed_dictionaries({"type": st.just("phone"), "value": PHONES}),
    st.fixed_dictionaries({"type": st.just("customer_number"), "value": LINES}),
)
SUBJECTS = st.fixed_dictionaries(
    {"name": LINES, "identifiers": st.lists(IDENTIFIERS, max_size=4)},
    optional={"address": LINES},
)
EVIDENCE = st.fixed_dictionaries(
    {},
    optional={
        "signed": st.booleans(),
        "envelope_mark": st.booleans(),
        "identification": st.fixed_dictionaries({"kind": st.just("passport"), "checked_by": LINES}),
    },
)
SUBMITTERS = st.fixed_dictionaries(
    {"name": LINES, "relation": st.sampled_from(Relation), "mandate": TEXTS}
)
CONTENTS = st.sampled_from(["", "YQ==", "YQ\n=="])
ATTACHMENTS = st.lists(
    st.fixed_dictionaries({"name": LINES, "media_type": st.just("a/b"), "base64": CONTENTS}),
    max_size=3,
)
CONSENTS = st.fixed_dictionaries({"given": st.booleans(), "text_version": LINES, "means": LINES})


@st.composite
def received(draw: st.DrawFn) -> str:
    """An instant of the last two years, at any offset."""
    back = draw(st.timedeltas(timedelta(seconds=1), timedelta(days=729)))
    offset = timezone(timedelta(minutes=draw(st.integers(-1439, 1439))))
    return (datetime.now(UTC) - back).astimezone(offset).isoformat()


def asked(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """What belongs to a kind."""
    absolute = st.lists(st.sampled_from(["marketing", "surveys"]), min_size=1, max_size=3)
    other = st.lists(st.sampled_from(["profiling", "customer_relations"]), min_size=1, max_size=2)
    parts: dict[str, Any] = {"kind": st.just(kind)}
    if kind == "objection":
        parts["purposes"] = absolute | other
    if kind == "consent":
        parts |= {"purposes": st.builds(lambda a, b: a + b, absolute, other), "consent": CONSENTS}
    return st.fixed_dictionaries(parts)


FORMS: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda kind, form: kind | form,
    st.one_of(asked("access"), asked("objection"), asked("consent")),
    st.fixed_dictionaries(
        {
            "channel": st.sampled_from(Channel),
            "language": st.sampled_from(Language),
            "received_at": received(),
            "scope": st.lists(st.sampled_from(["register", "customers", "archive"]), min_size=1),
            "subject": SUBJECTS,
            "evidence": EVIDENCE,
        },
        optional={
            "submitter": SUBMITTERS,
            "message": TEXTS,
            "attachments": ATTACHMENTS,
            "idempotency_key": LINES,
        },
    ),
)
