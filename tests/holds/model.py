"""The protocol of holds against erasures as a model: two tries to erase, one hold, a resolver.

The hold names the person by what the request does not have: only the register knows that it is the
same person, from some moment on. Anything may happen between two steps: a guard's connection (T1)
or a process dies, a lock is not free in time, a COMMIT that was sent takes effect later, time runs
out. `Protocol` says which steps are taken; a mutation leaves one out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

TRIES = (0, 1)


@dataclass(frozen=True)
class Protocol:
    """Each step of house and hold. A model with one of them False has to fail."""

    eraser_locks: bool = True
    placer_locks: bool = True
    proof: bool = True  # before T2 commits, T1 is shown to live
    intents_read: bool = True  # what has no outcome is in doubt
    intent_first: bool = True  # committed before the holds are read
    row_per_try: bool = True  # a second try leaves the first one's intent alone
    bound_awaited: bool = True  # a doubt is resolved only when T2 must be over
    hold_first_without_lock: bool = True  # not locked: commit the hold, then read the intents
    rows_covered: bool = True  # nothing goes that the register names by what is not locked


@dataclass(frozen=True)
class Try:
    """One try to erase: where its process is, its T1 and T2, its intent."""

    at: Literal["start", "read", "intended", "looked", "deleted", "proved", "sent", "over"] = (
        "start"
    )
    t1: bool = False  # alive, with its shared lock
    t2: Literal["none", "open", "sent", "committed", "rolled back"] = "none"
    intent: Literal["none", "open", "erased", "untouched"] = "none"
    time_over: bool = False
    knows: bool = False  # it has read by what the hold names the person


@dataclass(frozen=True)
class State:
    """Both databases, and who was told what."""

    tries: tuple[Try, Try] = (Try(), Try())
    placer: Literal["start", "locked", "read", "unlocked", "read unlocked", "placed", "done"] = (
        "start"
    )
    hold: bool = False  # committed
    under_lock: bool = False  # and every guard's T1 was over then
    late: bool = False  # a try went on to commit all the same
    linked: bool = False  # the register names the person as the hold does, beside as the request
    gone: bool = False  # what the hold is about is erased in the system
    seen: Literal["", "protected", "gone", "doubt"] = ""  # read, not yet told
    told: frozenset[str] = frozenset()
    resolving: tuple[int, bool] | None = None  # which doubt, whether the data was seen gone


def wrong(state: State) -> bool:
    """Called protected, and gone; called gone, and there; or erased by whom the hold had stopped.

    The last is what the proof is for: without it the hold would be in doubt, and no lie, but an
    erasure whose guard had died would still destroy what is held.
    """
    if state.late:
        return True
    if "protected" in state.told and state.gone:
        return True
    return "gone" in state.told and not state.gone


def moves(protocol: Protocol, state: State) -> Iterator[tuple[str, State]]:
    """Whatever can happen next."""
    for n in TRIES:
        for label, following in _try(protocol, state, n):
            yield f"try {n + 1}: {label}", following
    if not state.linked and all(one.t2 in ("none", "rolled back") for one in state.tries):
        yield "register: names the person as the hold does", replace(state, linked=True)
    for label, following in _place(protocol, state):
        yield f"place: {label}", following
    for label, following in _resolve(protocol, state):
        yield f"resolver: {label}", following


def _set(state: State, n: int, **changes: object) -> State:
    tries = list(state.tries)
    tries[n] = replace(tries[n], **changes)  # type: ignore[arg-type]
    return replace(state, tries=(tries[0], tries[1]))


def _close(protocol: Protocol, state: State, n: int, intent: str) -> State:
    """Write how a try ended; without a row for each try that ends the other's doubt, too."""
    for other in TRIES:
        same = other == n or not protocol.row_per_try
        if same and state.tries[other].intent == "open":
            state = _set(state, other, intent=intent)
    return state


def _try(protocol: Protocol, state: State, n: int) -> Iterator[tuple[str, State]]:
    one = state.tries[n]
    yield from _steps(protocol, state, n, one)
    if one.t1:
        yield "T1 dies", _set(state, n, t1=False)
    if one.at not in ("start", "over"):
        # What was sent to the system may still take effect.
        t2 = "rolled back" if one.t2 == "open" else one.t2
        yield "its process dies", _set(state, n, at="over", t1=False, t2=t2)
    if one.t2 == "sent":
        yield "T2 commits", replace(_set(state, n, t2="committed"), gone=state.linked)
        yield "T2 is refused", _set(state, n, t2="rolled back")
    if one.intent != "none" and not one.time_over and one.t2 != "sent":
        t2 = "rolled back" if one.t2 == "open" else one.t2
        yield "its time is over", _set(state, n, time_over=True, t2=t2)


def _steps(protocol: Protocol, state: State, n: int, one: Try) -> Iterator[tuple[str, State]]:
    match one.at:
        case "start" if n == 0 or state.tries[0].at != "start":
            yield "reads the register", _set(state, n, at="read", knows=state.linked)
        case "read":
            if protocol.intent_first:
                yield "commits its intent", _set(state, n, at="intended", intent="open")
            else:
                yield "begins", _set(state, n, at="intended")
        case "intended":
            yield from _look(protocol, state, n)
        case "looked":
            intent = one.intent if protocol.intent_first else "open"
            if protocol.rows_covered and state.linked and not one.knows:
                given_up = _close(protocol, state, n, "untouched")
                yield "meets what it has not locked", _set(given_up, n, at="over", t1=False)
            elif not one.time_over:
                yield "deletes", _set(state, n, at="deleted", t2="open", intent=intent)
        case "deleted":
            yield from _prove(protocol, state, n, one)
        case "proved" if one.t2 == "open":
            yield "sends COMMIT", _set(state, n, at="sent", t2="sent")
        case "sent" if one.t2 == "committed" and one.t1:
            ended = _close(protocol, state, n, "erased")
            yield "writes its outcome", _set(ended, n, at="over", t1=False)


def _look(protocol: Protocol, state: State, n: int) -> Iterator[tuple[str, State]]:
    knows, waits = state.tries[n].knows, protocol.eraser_locks and protocol.placer_locks
    if knows and waits and state.placer in ("locked", "read"):
        return
    if knows and state.hold:
        ended = _close(protocol, state, n, "untouched")
        yield "sees the hold and stops", _set(ended, n, at="over")
    else:
        yield "sees no hold", _set(state, n, at="looked", t1=True)


def _prove(protocol: Protocol, state: State, n: int, one: Try) -> Iterator[tuple[str, State]]:
    if (one.t1 or not protocol.proof) and one.t2 == "open" and not one.time_over:
        late = state.late or (state.under_lock and state.linked)
        yield "proves that T1 lives", replace(_set(state, n, at="proved"), late=late)
    else:
        given_up = _close(protocol, state, n, "untouched")
        yield (
            "proves nothing and rolls back",
            _set(given_up, n, at="over", t1=False, t2="rolled back"),
        )


def _place(protocol: Protocol, state: State) -> Iterator[tuple[str, State]]:
    shared = protocol.eraser_locks and any(one.t1 and one.knows for one in state.tries)
    match state.placer:
        case "start":
            if not shared or not protocol.placer_locks:
                yield "has the lock", replace(state, placer="locked")
            if shared:
                yield "waits no longer", replace(state, placer="unlocked")
        case "locked":
            yield "reads the intents", replace(state, placer="read", seen=_fate(protocol, state))
        case "read":
            held = replace(state, hold=True, under_lock=True)
            yield "commits the hold and tells", _tell(held, state.seen)
        case "read unlocked":
            yield "commits the hold and tells", _tell(replace(state, hold=True), state.seen)
        case "unlocked" if protocol.hold_first_without_lock:
            yield "commits the hold without the lock", replace(state, placer="placed", hold=True)
        case "unlocked":
            yield (
                "reads the intents first",
                replace(state, placer="read unlocked", seen=_fate(protocol, state)),
            )
        case "placed" | "done":
            yield "reads the intents and tells", _tell(state, _fate(protocol, state))


def _tell(state: State, fate: str) -> State:
    return replace(state, placer="done", seen="", told=state.told | {fate})


def _fate(protocol: Protocol, state: State) -> Literal["protected", "gone", "doubt"]:
    intents = {one.intent for one in state.tries if one.knows}
    if "erased" in intents:
        return "gone"
    return "doubt" if "open" in intents and protocol.intents_read else "protected"


def _resolve(protocol: Protocol, state: State) -> Iterator[tuple[str, State]]:
    if state.resolving is not None:
        n, gone = state.resolving
        found = "erased" if gone else "untouched"
        yield (
            f"writes of try {n + 1}: {found}",
            replace(_close(protocol, state, n, found), resolving=None),
        )
        return
    for n in TRIES:
        one = state.tries[n]
        if one.intent == "open" and (one.time_over or not protocol.bound_awaited):
            yield f"reads the system for try {n + 1}", replace(state, resolving=(n, state.gone))
