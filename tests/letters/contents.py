"""Letters about invented people, built from the shipped controller."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from activities.letter_content import (
    Acknowledgement,
    ClarificationQuestion,
    Confirmation,
    ExtensionNotice,
    FeeOffer,
    IdentityQuestion,
    Party,
)
from activities.reply_content import (
    AccessReply,
    Changed,
    ConsentReply,
    CorrectReply,
    DeleteReply,
    KeptPart,
    ObjectionReply,
    Refusal,
    SystemPart,
    Unapplied,
)
from schemas.case import Ground, Outcome, SystemOutcome, SystemView
from schemas.messages import Withheld
from schemas.policy import FeePolicyName, Policy
from schemas.request import Consent, Kind
from schemas.systems import SystemFacts

MIPRO = Path("config/mipro")
POLICY = Policy.model_validate(yaml.safe_load((MIPRO / "policy.yaml").read_text("utf-8")))
EASTER = datetime(2026, 4, 5, 9, 30, tzinfo=UTC)
AINO = Party(name="Aino Esimerkki", address="Kotikatu 1 A 2\n50100 Mikkeli")


def a_system(name: str = "support", **changes: Any) -> SystemFacts:
    """A support register at a processor in the United States."""
    return SystemFacts.model_validate(
        {
            "name": name,
            "title": {"fi": "Tukisopimukset", "sv": "Stödavtal", "en": "Support contracts"},
            "register_part": name,
            "reach": "sql",
            "recipient": {
                "name": "Helpdesk Ltd",
                "relation": "processor",
                "country": "US",
                "safeguard": {"fi": "vakiolausekkeet", "sv": "standardklausuler", "en": "SCC"},
            },
            "categories": ["user.name", "user.contact.email"],
            "purposes": ["support", "invoicing"],
            "sources": {"fi": "teiltä itseltänne", "sv": "dig själv", "en": "yourself"},
            "retention": {"fi": "2 vuotta", "sv": "2 år", "en": "2 years"},
        }
        | changes
    )


def a_part(
    outcome: SystemOutcome = SystemOutcome.FOUND, records: int = 2, withhold: str = "", **more: Any
) -> SystemPart:
    """What came of a system; `withhold` names items as "1 3"."""
    facts = more.pop("facts", a_system())
    return SystemPart(
        facts=facts,
        view=SystemView(name=facts.name, outcome=outcome, records=records, since=EASTER),
        withheld=tuple(
            Withheld(system=facts.name, item=item, code=Ground.RIGHTS_OF_OTHERS)
            for item in withhold.split()
        ),
        **more,
    )


def kept(**changes: Any) -> KeptPart:
    """Vouchers of a bookkeeping register."""
    values = {
        "facts": a_system("invoicing", title={"fi": "Laskut", "sv": "Fakturor", "en": "Invoices"}),
        "records": 3,
        "ground": Ground.LEGAL_OBLIGATION,
        "explanation": {"fi": "Tositteet.", "sv": "Verifikat.", "en": "Accounting vouchers."},
        "provision": "Accounting Act 1336/1997 ch. 2 s. 10",
        "until": date(2032, 12, 31),
    }
    return KeptPart.model_validate(values | changes)


def kept_secretly(**changes: Any) -> KeptPart:
    """Held by an order that nobody may be told of."""
    return kept(**{"explanation": {}, "provision": None, "until": None} | changes)


def changed(**changes: Any) -> Changed:
    """A corrected telephone number."""
    values = {
        "field": "user.contact.phone_number", "system": a_system(),
        "before": ("015 111 1111",), "after": "015 222 2222",
    }  # fmt: skip
    return Changed.model_validate(values | changes)


def unapplied(**changes: Any) -> Unapplied:
    """A telephone number of which the system held a third one."""
    values = {
        "field": "user.contact.phone_number", "system": a_system(), "held": "015 333 3333",
        "wanted": "015 222 2222", "why": "differs",
    }  # fmt: skip
    return Unapplied.model_validate(values | changes)


def _frame() -> dict[str, Any]:
    return {
        "controller": POLICY.controller,
        "zone": POLICY.calendar.zone,
        "written_at": EASTER,
        "received_at": EASTER,
        "subject": AINO,
    }


def _case(request: Kind, changes: dict[str, Any]) -> dict[str, Any]:
    return _frame() | {"number": "2026-0142", "request": request} | changes


def acknowledgement(**changes: Any) -> Acknowledgement:
    return Acknowledgement.model_validate(_frame() | changes)


def identity(**changes: Any) -> IdentityQuestion:
    return IdentityQuestion.model_validate(
        _case(Kind.ACCESS, {"doubt": "The address is not one that we know."} | changes)
    )


def clarification(**changes: Any) -> ClarificationQuestion:
    return ClarificationQuestion.model_validate(
        _case(Kind.ACCESS, {"question": "Which training do you mean?"} | changes)
    )


def fee(**changes: Any) -> FeeOffer:
    values = {
        "amount_cents": 1505,
        "currency": "EUR",
        "rule": FeePolicyName.NOTICE,
        "free_after_months": 12,
    }
    return FeeOffer.model_validate(_case(Kind.ACCESS, values | changes))


def extension(**changes: Any) -> ExtensionNotice:
    values = {"months": 2, "due_on": date(2026, 7, 6), "reason": "Eleven archives to search."}
    return ExtensionNotice.model_validate(_case(Kind.ACCESS, values | changes))


def confirmation(ending: Outcome = Outcome.WITHDRAWN, **changes: Any) -> Confirmation:
    return Confirmation.model_validate(_case(Kind.ACCESS, {"ending": ending} | changes))


def refusal(request: Kind = Kind.ACCESS, **changes: Any) -> Refusal:
    values = {"ground": Ground.EXCESSIVE, "reason": "Asked nine times in a month."}
    return Refusal.model_validate(_case(request, values | changes))


def access(*systems: SystemPart, **changes: Any) -> AccessReply:
    return AccessReply.model_validate(
        _case(Kind.ACCESS, {"systems": systems or (a_part(),)} | changes)
    )


def objection(*systems: SystemPart, **changes: Any) -> ObjectionReply:
    values = {
        "systems": systems or (a_part(SystemOutcome.SUPPRESSED),),
        "purposes": ("marketing",),
        "absolute": True,
    }
    return ObjectionReply.model_validate(_case(Kind.OBJECTION, values | changes))


def consent(given: bool = True, **changes: Any) -> ConsentReply:
    values = {
        "systems": (a_part(SystemOutcome.FOUND),),
        "purposes": ("surveys",),
        "consent": Consent(given=given, text_version="2026-02", means="web form"),
    }
    return ConsentReply.model_validate(_case(Kind.CONSENT, values | changes))


def deletion(*systems: SystemPart, **changes: Any) -> DeleteReply:
    values = {"systems": systems or (a_part(SystemOutcome.ERASED),)}
    return DeleteReply.model_validate(_case(Kind.DELETE, values | changes))


def correction(*systems: SystemPart, **changes: Any) -> CorrectReply:
    values = {"systems": systems or (a_part(SystemOutcome.CORRECTED),), "changes": (changed(),)}
    return CorrectReply.model_validate(_case(Kind.CORRECT, values | changes))
