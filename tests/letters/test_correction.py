"""What a reply to a correction says: before and after, what was not changed, who was told."""

from typing import Any

import pytest

from activities.letters import Letters
from activities.reply_content import CorrectReply
from schemas.case import Ground, LetterKind, SystemOutcome
from schemas.request import Kind, Language
from tests.letters import contents
from tests.letters.contents import POLICY, a_part, a_system
from tests.letters.page import Page

EN = Language.ENGLISH
ARCHIVE = a_system("archive", title={"en": "Paper archive"})


def written(letters: Letters, reply: CorrectReply, language: Language = EN) -> Page:
    kind = LetterKind.SUPPLEMENT if reply.supplement_to_at else LetterKind.REPLY
    return Page(letters.render(kind, language, reply))


def rows(page: Page, data: str) -> list[list[str]]:
    """The cells of every row about a piece of data."""
    return [
        ["".join(cell.itertext()) for cell in row.findall("td")]
        for row in page.all("tr")
        if row.findtext("th") == data and row.find("td") is not None
    ]


@pytest.mark.parametrize(
    ("language", "name", "system"),
    [
        (Language.FINNISH, "puhelinnumero", "Tukisopimukset"),
        (Language.SWEDISH, "telefonnummer", "Stödavtal"),
        (Language.ENGLISH, "telephone number", "Support contracts"),
    ],
)
def test_each_correction_shows_what_stood_before_and_what_stands_now(
    letters: Letters, language: Language, name: str, system: str
) -> None:
    """Art. 16."""
    page = written(letters, contents.correction(), language)

    assert rows(page, name) == [[system, "015 111 1111", "015 222 2222"]]
    assert letters.texts(language).phrases["correct"]["done"] in page.text
    assert page.section("reasons") is None
    assert page.section("complaint")


def test_different_values_that_were_replaced_stand_below_each_other(letters: Letters) -> None:
    change = contents.changed(before=("015 111 1111", "+358 15 111 1111"))
    page = written(letters, contents.correction(changes=(change,)))

    assert rows(page, "telephone number")[0][1] == "015 111 1111\n+358 15 111 1111"


def test_data_that_stood_so_already_is_said_to_have_been_correct(letters: Letters) -> None:
    page = written(letters, contents.correction(changes=(contents.changed(before=()),)))

    assert rows(page, "telephone number")[0][1] == "was already correct"


@pytest.mark.parametrize(
    ("field", "title", "name"),
    [
        ("user.contact.phone_number", None, "telephone number"),
        ("user.contact.address.street", None, "address"),
        ("customers.home_phone", None, "home phone"),
        ("home_phone", None, "home phone"),
        ("customers.home_phone", "Telephone at home", "Telephone at home"),
    ],
)
def test_corrected_data_has_a_name_that_people_read(
    letters: Letters, field: str, title: str | None, name: str
) -> None:
    """A category by its wording, a column by its own name, whatever its table is called."""
    change = contents.changed(field=field, field_title=title)
    page = written(letters, contents.correction(changes=(change,)))

    assert len(rows(page, name)) == 1


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("why", ["differs", "refused"])
def test_a_value_that_was_not_changed_is_a_no_with_its_reason_and_the_remedies(
    letters: Letters, why: str, language: Language
) -> None:
    """Art. 12(4), 16."""
    texts = letters.texts(language)
    reply = contents.correction(unapplied=(contents.unapplied(why=why),))
    page = written(letters, reply, language)

    reasons = page.section("reasons") or ""
    for words in ("015 333 3333", "015 222 2222", texts.phrases["correct"][why],
                  texts.phrases["correct"]["again"]):  # fmt: skip
        assert words in reasons
    assert POLICY.controller.court[language] in (page.section("remedy") or "")
    assert page.section("complaint")
    assert texts.phrases["correct"]["partly"] in page.text
    assert texts.phrases["correct"]["done"] not in page.text


def test_a_disputed_fact_is_a_no_on_its_ground(letters: Letters) -> None:
    """Art. 16, 18(1)(a): a supplementary statement, restriction meanwhile."""
    reasons = written(letters, contents.correction(ground=Ground.FACT_DISPUTED)).section("reasons")

    assert "supplementary statement" in (reasons or "")
    assert "Article 18(1)(a)" in (reasons or "")


def test_a_system_left_out_of_a_correction_is_named_with_its_reason(letters: Letters) -> None:
    left_out = a_part(SystemOutcome.LEFT_OUT, 0, facts=ARCHIVE, reason="It burnt down.")
    page = written(letters, contents.correction(left_out))

    reasons = page.section("reasons") or ""
    assert "Paper archive: its data has not been corrected. It burnt down." in reasons
    assert page.section("remedy")


@pytest.mark.parametrize("language", Language)
def test_nothing_held_anywhere_is_said_and_no_correction_claimed(
    letters: Letters, language: Language
) -> None:
    reply = contents.correction(a_part(SystemOutcome.NOTHING_HELD, 0), changes=())
    text = written(letters, reply, language).text
    phrases = letters.texts(language).phrases["correct"]

    assert phrases["nothing_held"] in text
    assert phrases["done"] not in text


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (SystemOutcome.PENDING, "under way"),
        (SystemOutcome.NOTIFIED, "recipient told of the correction"),
        (SystemOutcome.UNREACHABLE, "not corrected yet"),
        (SystemOutcome.FAILED, "not corrected yet"),
        (SystemOutcome.SILENT, "has not answered yet"),
    ],
)
def test_a_correction_is_claimed_only_where_it_is_done_and_a_supplement_promised_for_the_rest(
    letters: Letters, outcome: SystemOutcome, said: str
) -> None:
    """Silence is never success."""
    reply = contents.correction(a_part(SystemOutcome.CORRECTED), a_part(outcome, 0, facts=ARCHIVE))
    page = written(letters, reply)

    assert rows(page, "Paper archive")[0][1] == said
    assert rows(page, "Support contracts")[0][1] == "data corrected"
    assert "A supplement follows" in page.text
    assert "We have corrected the data" not in page.text


@pytest.mark.parametrize("language", Language)
def test_recipients_are_told_of_a_correction_and_the_subject_may_ask_for_their_list(
    letters: Letters, language: Language
) -> None:
    """Art. 19."""
    told = letters.texts(language).phrases["recipients"]["told"]

    assert told in written(letters, contents.correction(), language).text


def refused(letters: Letters, language: Language = EN, **changes: Any) -> Page:
    """A correction that is refused; the archive was told."""
    told = a_part(SystemOutcome.NOTIFIED, 0, facts=ARCHIVE)
    refusal = contents.refusal(Kind.CORRECT, **{"systems": (told,)} | changes)
    return Page(letters.render(LetterKind.REFUSAL, language, refusal))


def test_a_refusal_for_a_disputed_fact_names_where_the_statement_is_kept_and_for_how_long(
    letters: Letters,
) -> None:
    """Art. 16, 18(1)(a), 18(3)."""
    page = refused(letters, ground=Ground.FACT_DISPUTED, restricted=True)

    assert "supplementary statement is kept with the data in these" in (page.section("done") or "")
    assert "Paper archive" in (page.section("done") or "")
    assert "the restriction stays until that has been done" in (page.section("reasons") or "")
    assert page.section("remedy")
    assert "ends with this decision" not in page.text


@pytest.mark.parametrize("restricted", [True, False])
def test_a_refusal_on_another_ground_says_that_the_restriction_ends_if_there_was_one(
    letters: Letters, restricted: bool
) -> None:
    """Art. 18(3)."""
    page = refused(letters, ground=Ground.UNFOUNDED, restricted=restricted)

    assert ("The restriction ends with this decision" in page.text) is restricted
    assert "supplementary statement" not in page.text


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("restricted", [True, False])
def test_a_reply_tells_of_the_restriction_meanwhile_and_of_its_end(
    letters: Letters, restricted: bool, language: Language
) -> None:
    """Art. 18(3)."""
    page = written(letters, contents.correction(restricted=restricted), language)
    said = letters.texts(language).phrases["correct"]["restricted"]

    assert (said in page.text) is restricted
