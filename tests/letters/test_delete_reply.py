"""The reply to a deletion: what went, who was told, what is kept and why (Art. 17, 19)."""

import pytest

from activities.letters import Letters
from activities.reply_content import DeleteReply
from schemas.case import Ground, LetterKind, SystemOutcome
from schemas.request import Language
from tests.letters.contents import a_part, deletion, kept
from tests.letters.page import Page

EN = Language.ENGLISH


def shown(letters: Letters, letter: DeleteReply, language: Language = EN) -> Page:
    return Page(letters.render(LetterKind.REPLY, language, letter))


@pytest.mark.parametrize("language", Language)
def test_each_kept_item_states_reason_provision_and_date(letters: Letters, language: Language):
    reasons = shown(letters, deletion(kept=(kept(),)), language).section("reasons") or ""

    explanation = {"fi": "Kirjanpito.", "sv": "Bokföring.", "en": "Bookkeeping."}[language]
    for words in (explanation, "Accounting Act 1336/1997, ch. 2 s. 10", "2031", "3"):
        assert words in reasons


def test_what_is_kept_makes_a_no_with_complaint_and_judicial_remedy(letters: Letters):
    page = shown(letters, deletion(kept=(kept(),)))

    assert None not in (page.section(part) for part in ("done", "reasons", "complaint", "remedy"))


def test_a_full_deletion_needs_no_reasons_and_keeps_the_complaint_route(letters: Letters):
    page = shown(letters, deletion())

    assert (page.section("reasons"), page.section("remedy")) == (None, None)
    assert page.section("complaint")


def test_a_system_left_out_is_a_no_too(letters: Letters):
    page = shown(letters, deletion(a_part(SystemOutcome.LEFT_OUT, 0)))

    assert page.section("remedy")


def test_of_what_may_not_be_told_only_the_obligation_is_said(letters: Letters):
    hidden = kept(explanation={}, provision=None, until=None)
    text = shown(letters, deletion(kept=(hidden,))).text

    assert "The law requires us to keep the data" in text
    assert "authority or court has required" not in text


def test_a_hold_that_may_be_told_is_named(letters: Letters):
    held = kept(ground=Ground.LEGAL_HOLD, explanation={}, provision=None, until=None)

    assert "Order of an authority or a court" in shown(letters, deletion(kept=(held,))).text


def test_where_nothing_was_held_it_says_so(letters: Letters):
    page = shown(letters, deletion(a_part(SystemOutcome.NOTHING_HELD, 0)))

    assert "We had nothing to delete" in page.text


def test_the_entry_that_keeps_the_person_from_coming_back_is_told(letters: Letters):
    assert "from which your addresses cannot be read" in shown(letters, deletion()).text
