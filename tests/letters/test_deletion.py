"""What a reply to a deletion says: what is gone, what stays, why and how long (Art. 17)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.letters import Letters
from activities.reply_content import DeleteReply, KeptPart
from schemas.case import Ground, LetterKind, SystemOutcome
from schemas.request import Language
from tests.letters import contents
from tests.letters.contents import EASTER, POLICY, a_part, a_system
from tests.letters.page import Page

EN = Language.ENGLISH
ARCHIVE = a_system("archive", title={"fi": "Arkisto", "sv": "Arkiv", "en": "Paper archive"})
KEPT = [
    contents.kept(),
    contents.kept(until=None),
    contents.kept(ground=Ground.LEGAL_HOLD, explanation={}, provision=None),
    contents.kept_secretly(),
]


def written(letters: Letters, reply: DeleteReply, language: Language = EN) -> Page:
    kind = LetterKind.SUPPLEMENT if reply.supplement_to_at else LetterKind.REPLY
    return Page(letters.render(kind, language, reply))


def rows(page: Page, system: str) -> list[list[str | None]]:
    """The cells of every row about a system."""
    return [
        [cell.text for cell in row.findall("td")]
        for row in page.all("tr")
        if row.findtext("th") == system and row.find("td") is not None
    ]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kept", KEPT)
def test_each_kept_item_has_its_reason_provision_and_date_or_is_said_to_be_reviewed(
    letters: Letters, kept: KeptPart, language: Language
) -> None:
    """Art. 12(4), 17(3)(b)."""
    texts = letters.texts(language)
    page = written(letters, contents.deletion(kept=(kept,)), language)

    until = texts.phrase("delete.reviewed")
    if kept.until:
        until = texts.phrase("delete.until", day=texts.day(kept.until))
    assert rows(page, kept.facts.title[language]) == [
        [
            "3",
            kept.explanation.get(language, texts.grounds[kept.ground].title),
            kept.provision or texts.grounds[kept.ground].provision,
            until,
        ]
    ]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    "changes",
    [
        {"kept": (contents.kept(),)},
        {"ground": Ground.LEGAL_CLAIMS},
        {"systems": (a_part(SystemOutcome.ERASED), a_part(SystemOutcome.LEFT_OUT, 0))},
    ],
)
def test_a_deletion_that_leaves_anything_gives_reasons_complaint_and_remedy(
    letters: Letters, changes: dict[str, Any], language: Language
) -> None:
    """Art. 12(4), 77, 79."""
    page = written(letters, contents.deletion(**changes), language)

    assert page.section("reasons")
    assert page.section("complaint")
    assert POLICY.controller.court[language] in (page.section("remedy") or "")
    assert letters.texts(language).phrases["delete"]["partly"] in page.text
    assert letters.texts(language).phrases["delete"]["done"] not in page.text


@pytest.mark.parametrize("language", Language)
def test_a_deletion_of_everything_refuses_nothing(letters: Letters, language: Language) -> None:
    page = written(letters, contents.deletion(), language)

    assert letters.texts(language).phrases["delete"]["done"] in page.text
    assert page.section("reasons") is None
    assert page.section("remedy") is None
    assert page.section("complaint")


def test_each_ground_of_kept_items_is_explained_once(letters: Letters) -> None:
    kept = (contents.kept(), contents.kept(records=1), contents.kept_secretly(
        ground=Ground.LEGAL_HOLD))  # fmt: skip
    reply = contents.deletion(kept=kept, ground=Ground.LEGAL_CLAIMS)
    reasons = written(letters, reply).section("reasons") or ""

    assert reply.grounds == (Ground.LEGAL_CLAIMS, Ground.LEGAL_HOLD, Ground.LEGAL_OBLIGATION)
    for ground in reply.grounds:
        assert reasons.count(letters.texts(EN).grounds[ground].text) == 1


@pytest.mark.parametrize("language", Language)
def test_kept_data_is_restricted_and_the_subject_is_told_when_the_rest_is_deleted(
    letters: Letters, language: Language
) -> None:
    phrases = letters.texts(language).phrases["delete"]
    some_kept = written(letters, contents.deletion(kept=(contents.kept(),)), language).text
    all_gone = written(letters, contents.deletion(), language).text

    for key in ("restricted", "later"):
        assert phrases[key] in some_kept
        assert phrases[key] not in all_gone


@pytest.mark.parametrize(
    ("language", "hints"),
    [
        (Language.FINNISH, ("viranomai", "tuomioistuin", "salassa", "määräy", "kirjanpito")),
        (Language.SWEDISH, ("myndighet", "domstol", "sekretess", "hemlig", "bokföring")),
        (Language.ENGLISH, ("order", "court", "secre", "disclos", "accounting")),
    ],
)
def test_what_no_details_may_be_told_of_is_kept_because_the_law_obliges_and_no_more(
    letters: Letters, language: Language, hints: tuple[str, ...]
) -> None:
    """law.md 4: no tip-off, and no other reason put in its place."""
    page = written(letters, contents.deletion(kept=(contents.kept_secretly(),)), language)
    reasons = page.section("reasons") or ""

    assert letters.texts(language).grounds[Ground.LEGAL_OBLIGATION].text in reasons
    assert not [hint for hint in hints if hint in reasons.lower()]


@pytest.mark.parametrize("language", Language)
def test_a_suppression_entry_that_nobody_can_read_stays_and_the_letter_says_so(
    letters: Letters, language: Language
) -> None:
    """law.md 4: a re-import must not bring the person back."""
    entry = letters.texts(language).phrases["delete"]["entry"]

    assert entry in written(letters, contents.deletion(), language).text


@pytest.mark.parametrize("language", Language)
def test_nothing_held_anywhere_is_said_and_no_deletion_claimed(
    letters: Letters, language: Language
) -> None:
    reply = contents.deletion(a_part(SystemOutcome.NOTHING_HELD, 0))
    text = written(letters, reply, language).text
    phrases = letters.texts(language).phrases["delete"]

    assert phrases["nothing_held"] in text
    for key in ("done", "under_way", "entry", "later"):
        assert phrases[key] not in text


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (SystemOutcome.PENDING, "under way"),
        (SystemOutcome.NOTIFIED, "recipient told to delete the data"),
        (SystemOutcome.UNREACHABLE, "not deleted yet"),
        (SystemOutcome.FAILED, "not deleted yet"),
        (SystemOutcome.SILENT, "has not answered yet"),
        (SystemOutcome.FOUND, "data found, not deleted"),
    ],
)
def test_a_deletion_is_claimed_only_where_it_is_done_and_a_supplement_promised_for_the_rest(
    letters: Letters, outcome: SystemOutcome, said: str
) -> None:
    """Silence is never success."""
    reply = contents.deletion(a_part(SystemOutcome.ERASED), a_part(outcome, facts=ARCHIVE))
    page = written(letters, reply)

    assert rows(page, "Paper archive")[0][1] == said
    assert rows(page, "Support contracts") == [["Helpdesk Ltd", "data deleted", "5 April 2026"]]
    assert "A supplement follows" in page.text
    assert "Paper archive (Helpdesk Ltd)" in page.text
    assert "We have deleted your data" not in page.text


def test_what_a_decision_leaves_is_a_no_and_no_supplement_is_promised(letters: Letters) -> None:
    left = a_part(SystemOutcome.FOUND, facts=ARCHIVE)
    reply = contents.deletion(a_part(SystemOutcome.ERASED), left, ground=Ground.LEGAL_CLAIMS)
    page = written(letters, reply)

    assert "Paper archive: its data has not been deleted." in (page.section("reasons") or "")
    assert "A supplement follows" not in page.text


def test_a_system_left_out_of_a_deletion_is_named_with_its_reason(letters: Letters) -> None:
    left_out = a_part(SystemOutcome.LEFT_OUT, 0, facts=ARCHIVE, reason="It burnt down.")
    reasons = written(letters, contents.deletion(left_out)).section("reasons") or ""

    assert "Paper archive: its data has not been deleted. It burnt down." in reasons


def test_a_supplement_says_what_has_been_deleted_since_the_reply(letters: Letters) -> None:
    """law.md 4: a release, or the passing of a date, resumes the deletion and tells the subject."""
    later = a_part(SystemOutcome.ERASED, facts=ARCHIVE)
    earlier = a_part(SystemOutcome.ERASED)
    before_reply = earlier.view.model_copy(update={"since": EASTER - timedelta(days=40)})
    earlier = earlier.model_copy(update={"view": before_reply})
    reply = contents.deletion(
        earlier, later, supplement_to_at=datetime(2026, 3, 2, 8, tzinfo=UTC)
    )  # fmt: skip
    page = written(letters, reply)

    assert "Supplement" in (page.all("h1")[0].text or "")
    assert "2 March 2026" in page.text
    since = next(item for item in page.all("ul") if "Paper archive" in "".join(item.itertext()))
    assert "".join(since.itertext()).strip() == "Paper archive (Helpdesk Ltd), 5 April 2026"


@pytest.mark.parametrize("language", Language)
def test_the_subject_of_a_deletion_may_ask_for_the_list_of_recipients(
    letters: Letters, language: Language
) -> None:
    """Art. 19."""
    told = letters.texts(language).phrases["recipients"]["told"]

    assert told in written(letters, contents.deletion(), language).text


def test_data_is_kept_against_a_deletion_only_by_law_or_by_a_hold() -> None:
    """Art. 17(3)(b): anything else is a decision of a person."""
    with pytest.raises(ValueError, match="ground"):
        contents.kept(ground=Ground.NO_ERASURE_GROUND)
