"""The moves of a case: one table, one function. A move that is not in it is an error."""

from typing import Final

from schemas.case import FeeAssessment, IdentityState, Status
from schemas.errors import NotFromHere
from schemas.request import Kind

_S = Status

MOVES: Final[dict[tuple[Status, Status], str]] = {
    (_S.RECEIVED, _S.IDENTIFYING): "who asks is not shown by the channel, Art. 12(6)",
    (_S.RECEIVED, _S.QUOTING): "identity shown; the 12-month rule asks a fee question, Art. 12(5)",
    (_S.RECEIVED, _S.SEARCHING): "identity shown at intake",
    (_S.RECEIVED, _S.FULFILLING): "identity shown; nothing to search",
    (_S.RECEIVED, _S.DECIDING): "refusal considered at once, Art. 12(5)",
    (_S.RECEIVED, _S.CLOSED): "ended before anything was done",
    **{
        (before, _S.RECEIVED): "the request is of another kind"
        for before in (
            _S.IDENTIFYING,
            _S.CLARIFYING,
            _S.QUOTING,
            _S.SEARCHING,
            _S.REVIEWING,
            _S.DECIDING,
            _S.FULFILLING,
            _S.REPLYING,
        )
    },
    (_S.IDENTIFYING, _S.QUOTING): "identity shown; a fee question, Art. 12(5)",
    (_S.IDENTIFYING, _S.SEARCHING): "identity shown",
    (_S.IDENTIFYING, _S.FULFILLING): "identity shown",
    (_S.IDENTIFYING, _S.CLARIFYING): "identity shown; what is asked is not clear, recital 63",
    (_S.IDENTIFYING, _S.REVIEWING): "the doubt is settled",
    (_S.IDENTIFYING, _S.DECIDING): "cannot be identified, Art. 11(2) and 12(2)",
    (_S.IDENTIFYING, _S.CLOSED): "ended while identity was open",
    (_S.CLARIFYING, _S.IDENTIFYING): "doubt about the person, Art. 12(6)",
    (_S.CLARIFYING, _S.QUOTING): "clear now; a fee question, Art. 12(5)",
    (_S.CLARIFYING, _S.SEARCHING): "clear now",
    (_S.CLARIFYING, _S.FULFILLING): "clear now",
    (_S.CLARIFYING, _S.REVIEWING): "clear now",
    (_S.CLARIFYING, _S.DECIDING): "refusal considered",
    (_S.CLARIFYING, _S.CLOSED): "ended while a question was open",
    (_S.QUOTING, _S.SEARCHING): "free, waived or accepted, Art. 12(5)",
    (_S.QUOTING, _S.IDENTIFYING): "doubt about the person, Art. 12(6)",
    (_S.QUOTING, _S.CLARIFYING): "what is asked is not clear, recital 63",
    (_S.QUOTING, _S.DECIDING): "refused as excessive, Art. 12(5)(b)",
    (_S.QUOTING, _S.CLOSED): "ended at the fee question",
    (_S.SEARCHING, _S.IDENTIFYING): "doubt about the person, Art. 12(6)",
    (_S.SEARCHING, _S.CLARIFYING): "what is asked is not clear, recital 63",
    (_S.SEARCHING, _S.REVIEWING): "every system has answered, or the internal target has passed",
    (_S.SEARCHING, _S.DECIDING): "what is held is known; nothing to review",
    (_S.SEARCHING, _S.CLOSED): "ended during the search",
    (_S.REVIEWING, _S.IDENTIFYING): "doubt about the person, Art. 12(6)",
    (_S.REVIEWING, _S.CLARIFYING): "what is asked is not clear, recital 63",
    (_S.REVIEWING, _S.DECIDING): "reviewed, Art. 15(4)",
    (_S.REVIEWING, _S.CLOSED): "ended during the review",
    (_S.DECIDING, _S.FULFILLING): "decided: to be carried out",
    (_S.DECIDING, _S.REPLYING): "decided: the reply is written, Art. 12(3)-(4)",
    (_S.DECIDING, _S.CLOSED): "ended before the decision",
    (_S.FULFILLING, _S.DECIDING): "restricted meanwhile: to be balanced, Art. 18(1)(d)",
    (_S.FULFILLING, _S.REPLYING): "carried out",
    (_S.FULFILLING, _S.FOLLOWING_UP): "carried out but for what is kept; nobody is answered",
    (_S.FULFILLING, _S.CLOSED): "carried out without an answer, or ended meanwhile",
    (_S.REPLYING, _S.DECIDING): "decision taken back before the reply left",
    (_S.REPLYING, _S.IDENTIFYING): "a refusal before its turn was taken back",
    (_S.REPLYING, _S.CLARIFYING): "a refusal before its turn was taken back",
    (_S.REPLYING, _S.QUOTING): "a refusal before its turn was taken back",
    (_S.REPLYING, _S.SEARCHING): "a refusal before its turn was taken back",
    (_S.REPLYING, _S.FULFILLING): "a refusal before its turn was taken back",
    (_S.REPLYING, _S.FOLLOWING_UP): "replied; a recipient still owes an answer, Art. 19",
    (_S.REPLYING, _S.CLOSED): "the reply has left",
    (_S.FOLLOWING_UP, _S.REVIEWING): "a late answer: a supplement follows",
    (_S.FOLLOWING_UP, _S.DECIDING): "a late answer: a supplement follows",
    (_S.FOLLOWING_UP, _S.REPLYING): "a late answer: nothing more is held",
    (_S.FOLLOWING_UP, _S.SEARCHING): "opened again after a complaint",
    (_S.FOLLOWING_UP, _S.FULFILLING): "opened again, or what was kept may go now, Art. 17(1)",
    (_S.FOLLOWING_UP, _S.CLOSED): "every recipient has answered, or a person has closed it",
    (_S.CLOSED, _S.SEARCHING): "opened again after a complaint",
    (_S.CLOSED, _S.FULFILLING): "opened again after a complaint",
}


def move(now: Status, to: Status) -> str:
    """Why a case moves from `now` to `to`, for the audit entry.

    Raises `NotFromHere`, with the moves that are open, if the table does not have it.
    """
    if (now, to) not in MOVES:
        open_moves = ", ".join(after for before, after in MOVES if before == now) or "none"
        raise NotFromHere(
            f"A case that is {now} does not move to {to}. Open from here: {open_moves}."
        )
    return MOVES[now, to]


def asks_about_fee(kind: Kind, fee: FeeAssessment) -> bool:
    """Whether the 12-month rule's result waits for a person (Art. 12(5)).

    Asked for access, correct and delete only; objection and consent wait for nothing.
    """
    waits = kind not in (Kind.OBJECTION, Kind.CONSENT)
    return waits and fee in (FeeAssessment.CHARGEABLE, FeeAssessment.REVIEW)


def begins_with(kind: Kind) -> Status:
    """What every system is asked first: what it holds, or to act at once."""
    searched = (Kind.ACCESS, Kind.DELETE, Kind.CORRECT)
    return Status.SEARCHING if kind in searched else Status.FULFILLING


def admitted(
    kind: Kind, identity: IdentityState, fee: FeeAssessment, merge_into: str | None
) -> Status | None:
    """Where a case goes at once: who asks is known, nothing has to be asked, nothing is merged.

    None: a person sees to it first (Art. 12(5)-(6)), or the first request answers it.
    """
    if identity is not IdentityState.SUFFICIENT or asks_about_fee(kind, fee) or merge_into:
        return None
    return begins_with(kind)
