"""What each letter says, in every language."""

from datetime import UTC, datetime
from itertools import pairwise, product

import pytest

from activities.letter_content import LetterContent, Party
from activities.letters import Letters
from schemas.case import Ground, LetterKind, Outcome, SystemOutcome
from schemas.policy import FeePolicyName
from schemas.request import Kind, Language
from tests.letters import contents
from tests.letters.contents import AINO, EASTER, POLICY, a_part, a_system
from tests.letters.page import Page

FI, SV, EN = Language.FINNISH, Language.SWEDISH, Language.ENGLISH
K = LetterKind
BEFORE = datetime(2026, 3, 2, 8, tzinfo=UTC)  # an earlier reply
EVERY: list[tuple[LetterKind, LetterContent]] = [
    (K.ACKNOWLEDGEMENT, contents.acknowledgement()),
    (K.IDENTITY, contents.identity(pauses=True)),
    (K.CLARIFICATION, contents.clarification(pauses=True)),
    (K.FEE, contents.fee(reason="Nothing has changed since.")),
    (K.FEE, contents.fee(rule=FeePolicyName.GDPR)),
    (K.EXTENSION, contents.extension()),
    *[(K.CONFIRMATION, contents.confirmation(ending)) for ending in
      (Outcome.WITHDRAWN, Outcome.NOT_A_REQUEST, Outcome.MISDIRECTED, Outcome.MERGED)],
    *[(K.REFUSAL, contents.refusal(ground=ground)) for ground in Ground],
    (K.REPLY, contents.access()),
    (K.REPLY, contents.access(a_part(withhold="1"), a_part(SystemOutcome.SILENT, 0))),
    (K.SUPPLEMENT, contents.access(supplement_to_at=EASTER)),
    (K.REPLY, contents.deletion()),
    (K.REPLY, contents.deletion(
        a_part(SystemOutcome.RETAINED), a_part(SystemOutcome.NOTIFIED), a_part(SystemOutcome.FOUND),
        a_part(SystemOutcome.LEFT_OUT),
        kept=(contents.kept(), contents.kept_secretly(),
              contents.kept_secretly(ground=Ground.LEGAL_HOLD)),
    )),
    (K.REPLY, contents.deletion(ground=Ground.LEGAL_CLAIMS, reason="A debt is disputed.")),
    (K.REPLY, contents.deletion(a_part(SystemOutcome.NOTHING_HELD, 0))),
    (K.SUPPLEMENT, contents.deletion(supplement_to_at=BEFORE)),
    (K.REPLY, contents.correction()),
    (K.REPLY, contents.correction(
        a_part(SystemOutcome.CORRECTED), a_part(SystemOutcome.NOTIFIED),
        a_part(SystemOutcome.LEFT_OUT), changes=(contents.changed(before=()),),
        unapplied=(contents.unapplied(), contents.unapplied(why="refused")),
    )),
    (K.SUPPLEMENT, contents.correction(supplement_to_at=BEFORE)),
    (K.REPLY, contents.objection()),
    (K.REPLY, contents.objection(absolute=False, ground=Ground.COMPELLING_GROUNDS)),
    (K.SUPPLEMENT, contents.objection(supplement_to_at=EASTER)),
    (K.REPLY, contents.consent(given=True)),
    (K.REPLY, contents.consent(given=False)),
]  # fmt: skip
REPLIES = [pair for pair in EVERY if pair[0] in (K.REPLY, K.SUPPLEMENT, K.REFUSAL)]


def page(letters: Letters, kind: LetterKind, letter: LetterContent, language: Language) -> Page:
    return Page(letters.render(kind, language, letter))


@pytest.mark.parametrize(("letter", "language"), list(product(EVERY, Language)))
def test_every_letter_is_a_complete_page_of_its_language_that_loads_nothing(
    letters: Letters, letter: tuple[LetterKind, LetterContent], language: Language
) -> None:
    shown = page(letters, *letter, language)

    assert shown.html.startswith("<!DOCTYPE html>\n<html")
    assert shown.root.get("lang") == language
    assert len(shown.all("h1")) == 1
    assert shown.all("title")[0].text == shown.all("h1")[0].text
    assert not [tag for tag in ("script", "link", "img", "iframe", "form") if shown.all(tag)]
    assert "url(" not in shown.html
    assert "@import" not in shown.html
    assert "None" not in shown.text


@pytest.mark.parametrize(("letter", "language"), list(product(EVERY, Language)))
def test_headings_descend_one_by_one_and_every_table_has_headers(
    letters: Letters, letter: tuple[LetterKind, LetterContent], language: Language
) -> None:
    shown = page(letters, *letter, language)

    levels = [int(e.tag[1]) for e in shown.root.iter() if e.tag in ("h1", "h2", "h3", "h4")]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for table in shown.all("table"):
        headers = list(table.iter("th"))
        assert headers
        assert all(header.get("scope") in ("row", "col") for header in headers)


@pytest.mark.parametrize(("reply", "language"), list(product(REPLIES, Language)))
def test_every_reply_tells_of_the_complaint_to_the_authority(
    letters: Letters, reply: tuple[LetterKind, LetterContent], language: Language
) -> None:
    """Art. 12(4), 77."""
    said = page(letters, *reply, language).section("complaint")

    assert said is not None
    assert " ".join(POLICY.controller.authority[language].split()) in said


@pytest.mark.parametrize(("ground", "language"), list(product(Ground, Language)))
def test_every_refusal_says_what_was_not_done_why_and_how_to_go_to_court(
    letters: Letters, ground: Ground, language: Language
) -> None:
    """Art. 12(4): reasons in fact and provision, complaint, Art. 79 remedy, what was done."""
    texts = letters.texts(language)
    shown = page(letters, K.REFUSAL, contents.refusal(ground=ground, reason="The fact."), language)

    reasons = shown.section("reasons") or ""
    for part in (texts.not_done[Kind.ACCESS], texts.grounds[ground].text, "The fact."):
        assert part in reasons
    assert texts.grounds[ground].provision in reasons
    assert POLICY.controller.court[language] in (shown.section("remedy") or "")
    assert shown.section("complaint")
    assert shown.section("done")


@pytest.mark.parametrize("language", Language)
def test_an_acknowledgement_tells_of_no_case_no_number_and_no_data(
    letters: Letters, language: Language
) -> None:
    """law.md 3: the sender may be anybody."""
    shown = page(letters, K.ACKNOWLEDGEMENT, contents.acknowledgement(), language).text

    assert "2026-0" not in shown
    assert letters.texts(language).requests[Kind.ACCESS] not in shown
    assert letters.texts(language).day(EASTER.date()) in shown


def test_an_acknowledgement_has_no_place_for_what_would_differ_when_merged() -> None:
    """Whatever a caller knows of the case, the text cannot tell it."""
    merged = contents.acknowledgement(number="2026-0001", into="2025-0007", request=Kind.DELETE)

    assert merged == contents.acknowledgement()


def test_an_unnamed_sender_is_answered_too(letters: Letters) -> None:
    shown = page(letters, K.ACKNOWLEDGEMENT, contents.acknowledgement(subject=None), EN)

    assert not shown.all("address")


@pytest.mark.parametrize(
    ("language", "day"),
    [(FI, "5. huhtikuuta 2026"), (SV, "5 april 2026"), (EN, "5 April 2026")],
)
def test_dates_read_as_the_language_writes_them(
    letters: Letters, language: Language, day: str
) -> None:
    assert day in page(letters, K.REPLY, contents.access(), language).text


def test_a_date_is_the_local_one_of_the_controller(letters: Letters) -> None:
    """21:30 UTC on 4 April is 00:30 on 5 April in Helsinki."""
    late = contents.acknowledgement(received_at=datetime(2026, 4, 4, 21, 30, tzinfo=UTC))

    assert (
        "We received your message on 5 April 2026"
        in page(letters, K.ACKNOWLEDGEMENT, late, EN).text
    )


@pytest.mark.parametrize(
    ("language", "amount"), [(FI, "15,05 euroa"), (SV, "15,05 euro"), (EN, "EUR 15.05")]
)
def test_a_fee_is_told_before_it_is_charged_and_may_be_declined(
    letters: Letters, language: Language, amount: str
) -> None:
    """Art. 12(5); law.md 2."""
    shown = page(letters, K.FEE, contents.fee(), language).text

    assert amount in shown
    assert "12" in shown
    for choice in ("accept", "withdraw", "silence"):
        assert letters.texts(language).phrases["fee"][choice] in shown


def test_each_fee_rule_states_its_own_grounds(letters: Letters) -> None:
    notice = page(letters, K.FEE, contents.fee(free_after_months=18), EN).text
    gdpr = page(letters, K.FEE, contents.fee(rule=FeePolicyName.GDPR), EN).text

    assert "more than 18 months" in notice
    assert "repetitive" in gdpr
    assert "repetitive" not in notice


@pytest.mark.parametrize(("language", "no"), [(FI, "Älkää lähettäkö kopiota"),
                                              (SV, "Skicka inte någon kopia"),
                                              (EN, "do not send a copy")])  # fmt: skip
def test_an_identity_question_names_the_doubt_and_wants_no_copy_of_a_document(
    letters: Letters, language: Language, no: str
) -> None:
    """Art. 12(6); Finnish DPA 6097/161/21."""
    shown = page(letters, K.IDENTITY, contents.identity(), language).text

    assert "The address is not one that we know." in shown
    assert no in shown
    assert letters.texts(language).phrases["identity"]["neutral"] in shown


@pytest.mark.parametrize("pauses", [True, False])
def test_only_a_question_that_pauses_the_clock_says_so(letters: Letters, pauses: bool) -> None:
    for kind, letter in (
        (K.IDENTITY, contents.identity(pauses=pauses)),
        (K.CLARIFICATION, contents.clarification(pauses=pauses)),
    ):
        assert ("does not run" in page(letters, kind, letter, EN).text) is pauses


@pytest.mark.parametrize(("months", "said"), [(1, "by one month"), (2, "by two months")])
def test_an_extension_gives_reasons_the_new_date_and_the_complaint(
    letters: Letters, months: int, said: str
) -> None:
    """Art. 12(3)."""
    shown = page(letters, K.EXTENSION, contents.extension(months=months), EN)

    assert said in shown.text
    assert "6 July 2026" in shown.text
    assert "Eleven archives to search." in shown.text
    assert shown.section("complaint")


def test_a_letter_to_an_agent_is_addressed_to_the_agent_and_names_the_subject(
    letters: Letters,
) -> None:
    shown = page(letters, K.REPLY, contents.access(submitter=Party(name="Olli Asiamies")), EN)

    assert "".join(shown.all("address")[0].itertext()).strip() == "Olli Asiamies"
    assert "you act for Aino Esimerkki" in shown.text


def test_an_access_reply_gives_the_information_of_art_15_for_each_system(letters: Letters) -> None:
    """Art. 15(1)(a)-(h), 15(2)."""
    decisions = {"fi": "pisteytys", "sv": "poäng", "en": "a score decides on credit"}
    scored = a_part(facts=a_system(automated_decisions=decisions))
    shown = page(letters, K.REPLY, contents.access(a_part(), scored), EN).text

    for fact in ("support services and support contracts, invoicing",  # (a)
                 "name, e-mail address",  # (b)
                 "Helpdesk Ltd (processor, United States)",  # (c)
                 "2 years", "yourself", "SCC",  # (d), (g), 15(2)
                 "No automated decisions", "a score decides on credit"):  # fmt: skip
        assert fact in shown
    for right in ("correction", "deletion", "restriction", "objection"):  # (e)
        assert letters.texts(EN).phrases["rights"][right] in shown


@pytest.mark.parametrize("language", Language)
def test_nothing_held_is_said(letters: Letters, language: Language) -> None:
    nothing = contents.access(a_part(SystemOutcome.NOTHING_HELD, 0))

    shown = page(letters, K.REPLY, nothing, language).text
    assert letters.texts(language).phrases["access"]["nothing_held"] in shown
    assert letters.texts(language).phrases["access"]["copy"] not in shown


@pytest.mark.parametrize(
    "outcome",
    [SystemOutcome.PENDING, SystemOutcome.SILENT, SystemOutcome.FAILED, SystemOutcome.UNREACHABLE],
)
def test_a_system_that_has_not_answered_is_named_with_a_supplement_to_follow(
    letters: Letters, outcome: SystemOutcome
) -> None:
    """Silence is never success: nothing is claimed of that system."""
    silent = a_part(outcome, 0, facts=a_system("archive", title={"en": "Paper archive"}))
    nothing = a_part(SystemOutcome.NOTHING_HELD, 0)

    shown = page(letters, K.REPLY, contents.access(nothing, silent), EN).text
    assert "A supplement follows" in shown
    assert "Paper archive (Helpdesk Ltd)" in shown
    assert "nothing about you was found" not in shown
    assert "According to the answers we have so far" in shown


def test_a_partial_reply_refuses_what_is_withheld_and_gives_the_rest(letters: Letters) -> None:
    """Art. 12(4), 15(4)."""
    partial = contents.access(a_part(records=5, withhold="2 4"), reason="A colleague's notes.")
    shown = page(letters, K.REPLY, partial, EN)

    reasons = shown.section("reasons") or ""
    assert "Support contracts: 2 not given (The rights of other people)" in reasons
    assert "Article 15(4) GDPR" in reasons
    assert "A colleague's notes." in reasons
    assert shown.section("remedy")
    row = next(row for row in shown.all("tr") if row.findtext("th") == "Support contracts")
    assert [cell.text for cell in row.findall("td")] == ["data found", "3", "2"]


def test_a_reply_that_gives_everything_refuses_nothing(letters: Letters) -> None:
    shown = page(letters, K.REPLY, contents.access(reason="not said"), EN)

    assert shown.section("reasons") is None
    assert shown.section("remedy") is None
    assert "not said" not in shown.text


def test_a_system_left_out_is_a_no_with_its_reason_and_remedies(letters: Letters) -> None:
    left_out = a_part(SystemOutcome.LEFT_OUT, 0, reason="The archive burnt down.")
    shown = page(letters, K.REPLY, contents.access(a_part(), left_out), EN)

    assert "The archive burnt down." in (shown.section("reasons") or "")
    assert shown.section("remedy")


def test_an_objection_reply_says_what_stopped_where_when_who_was_told_and_what_remains(
    letters: Letters,
) -> None:
    """Art. 21(2)-(3); law.md 4, 5."""
    told = a_part(SystemOutcome.NOTIFIED, 0, facts=a_system("survey", title={"en": "Surveys"}))
    shown = page(letters, K.REPLY, contents.objection(a_part(SystemOutcome.SUPPRESSED), told), EN)

    rows = {row.findtext("th"): [cell.text for cell in row.findall("td")]
            for row in shown.all("tr") if row.find("td") is not None}  # fmt: skip
    assert rows["Support contracts"] == ["Helpdesk Ltd", "processing stopped", "5 April 2026"]
    assert rows["Surveys"][1:] == ["recipient told to stop the processing", "5 April 2026"]
    assert "A supplement follows" in shown.text  # a recipient that was only told owes an answer
    assert "direct marketing" in shown.text
    assert "absolute" in shown.text
    assert "The prohibition applies to the address itself" in shown.text


def test_an_objection_upheld_after_balancing_stops_without_a_refusal(letters: Letters) -> None:
    """Art. 21(1)."""
    shown = page(letters, K.REPLY, contents.objection(absolute=False), EN)

    assert "We accept your objection" in shown.text
    assert shown.section("reasons") is None


def test_an_objection_refused_after_balancing_names_the_grounds_and_ends_the_restriction(
    letters: Letters,
) -> None:
    """Art. 21(1), 12(4), 18(1)(d)."""
    refused = contents.refusal(
        Kind.OBJECTION, ground=Ground.COMPELLING_GROUNDS, purposes=("invoicing",), restricted=True
    )
    shown = page(letters, K.REFUSAL, refused, EN)

    assert "We do not stop the processing" in (shown.section("reasons") or "")
    assert "invoicing" in (shown.section("reasons") or "")
    assert "The restriction ends" in (shown.section("done") or "")


@pytest.mark.parametrize(
    ("given", "said"),
    [(True, "We have recorded your consent."), (False, "you withdraw your consent")],
)
def test_a_consent_reply_names_the_text_the_means_and_where_it_is_recorded(
    letters: Letters, given: bool, said: str
) -> None:
    """Art. 7(1), 7(3)."""
    shown = page(letters, K.REPLY, contents.consent(given), EN).text

    for words in (said, "2026-02", "web form", "customer and market surveys", "Support contracts"):
        assert words in shown


def test_a_later_choice_of_the_subject_is_named(letters: Letters) -> None:
    """Between consent and objection for one purpose the later receipt wins."""
    later = contents.consent(superseded_at=datetime(2026, 4, 9, 8, tzinfo=UTC))

    assert "received on 9 April 2026" in page(letters, K.REPLY, later, EN).text


def test_a_supplement_names_the_reply_that_it_adds_to(letters: Letters) -> None:
    supplement = contents.access(supplement_to_at=datetime(2026, 3, 2, 8, tzinfo=UTC))
    shown = page(letters, K.SUPPLEMENT, supplement, EN)

    assert "Supplement" in (shown.all("h1")[0].text or "")
    assert "2 March 2026" in shown.text


@pytest.mark.parametrize("ending", [Outcome.NOT_A_REQUEST, Outcome.MISDIRECTED, Outcome.MERGED])
def test_an_end_that_the_subject_did_not_choose_carries_the_remedies(
    letters: Letters, ending: Outcome
) -> None:
    shown = page(letters, K.CONFIRMATION, contents.confirmation(ending), EN)

    assert shown.section("complaint")
    assert shown.section("remedy")


def test_a_merged_request_is_told_its_first_number_only_when_the_caller_gives_it(
    letters: Letters,
) -> None:
    named = contents.confirmation(Outcome.MERGED, into="2026-0007")
    unnamed = contents.confirmation(Outcome.MERGED)

    assert "2026-0007" in page(letters, K.CONFIRMATION, named, EN).text
    assert "earlier request is" not in page(letters, K.CONFIRMATION, unnamed, EN).text


def test_a_refusal_for_want_of_identity_discloses_nothing_that_was_found(letters: Letters) -> None:
    """law.md 3: somebody unidentified must not learn whether there is data."""
    found = a_part(records=7)
    unknown = contents.refusal(ground=Ground.CANNOT_IDENTIFY, systems=(found,))
    known = contents.refusal(ground=Ground.EXCESSIVE, systems=(found,))

    assert "Support contracts" not in page(letters, K.REFUSAL, unknown, EN).text
    assert "Support contracts" in page(letters, K.REFUSAL, known, EN).text


def test_a_refusal_before_the_search_does_not_speak_of_systems_that_were_not_asked(
    letters: Letters,
) -> None:
    early = contents.refusal(systems=(a_part(SystemOutcome.PENDING, 0),))

    assert "Support contracts" not in page(letters, K.REFUSAL, early, EN).text


def test_a_stop_is_claimed_only_of_systems_that_have_stopped(letters: Letters) -> None:
    """Silence is never success."""
    silent = contents.objection(a_part(SystemOutcome.SILENT, 0))
    shown = page(letters, K.REPLY, silent, EN).text

    assert "processing stopped" not in shown
    assert "has not answered yet" in shown
    assert "A supplement follows" in shown


def test_a_letter_is_not_rendered_as_another_kind(letters: Letters) -> None:
    with pytest.raises(TypeError, match="Refusal is not the content of a letter reply"):
        letters.render(K.REPLY, EN, contents.refusal())


def test_no_name_address_or_free_text_shows_in_a_repr() -> None:
    shown = repr([letter for _, letter in EVERY])

    for secret in (AINO.name, "Kotikatu", "not one that we know", "Eleven archives", "nine times",
                   "015 ", "A debt is disputed"):  # fmt: skip
        assert secret not in shown
