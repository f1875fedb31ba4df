"""A case and lists of cases as people read them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from schemas.case import CaseView, Clock, LetterView, TimelineEntry
from starter.cli.console import day, moment, say, short_day, table, visible
from starter.cli.next_steps import awaited_command, command_for, is_notice

if TYPE_CHECKING:
    from connectors.contract import ErasurePlan, Found, FoundRow, PlannedTable
    from schemas.lines import Pause
    from starter.asked import CorrectionsAsked
    from starter.dashboard import CaseLine, Overview, TaskLine
    from starter.standstills import Standstill


def case(view: CaseView) -> None:
    """One case: where it stands, its dates with their reasons, who is awaited, what was done."""
    for name, text in _facts(view):
        say(f"{name:<11} {text}")
    _awaiting(view)
    if view.systems:
        table(
            ("system", "outcome", "records", "withheld", "since", "lag", "reason"),
            [
                (s.name, s.outcome, s.records, s.withheld, moment(s.since),
                 None if s.lag_seconds is None else f"{s.lag_seconds:.1f} s", s.reason)
                for s in view.systems
            ],
            "Systems",
        )  # fmt: skip
    if view.decisions:
        table(
            ("decision", "by", "at", "ground"),
            [(d.what, d.by, moment(d.at), d.ground) for d in view.decisions],
            "Decisions",
        )
    if view.letters:
        letters(view.letters, "Letters")


def _facts(view: CaseView) -> Iterator[tuple[str, str]]:
    yield view.number, f"{view.kind}, by {view.channel}, of {', '.join(view.scope)}"
    if view.purposes:
        yield "Purposes", ", ".join(view.purposes)
    outcome = f": {view.outcome}" if view.outcome else ""
    yield "Status", f"{view.status}{outcome}"
    yield "Received", moment(view.received_at)
    yield from _clock_facts(view.clock)
    how = f" ({view.identity.how})" if view.identity.how else ""
    yield "Identity", f"{view.identity.state}{how}"
    amount = f", {view.fee.amount / 100:.2f}" if view.fee.amount is not None else ""
    state = "" if view.fee.state == "none" else f", {view.fee.state}{amount}"
    yield "Fee", f"{view.fee.assessment}{state}"
    if view.assignee:
        yield "Handler", view.assignee
    if view.linked:
        yield "Linked", ", ".join(view.linked)
    if view.purged:
        yield "Purged", "its key is destroyed; no personal data is left"


def _clock_facts(clock: Clock) -> Iterator[tuple[str, str]]:
    if clock.due_date is None:
        yield "Due", "not known while a question is open: act by the safe date"
    else:
        yield "Due", f"{day(clock.due_date)} ({clock.state})"
    yield "Safe date", f"{day(clock.safe_date)}, under every reading of the law"
    if clock.refusal_due_date and clock.refusal_due_date != clock.due_date:
        yield "Refusal", f"to be told by {day(clock.refusal_due_date)}"
    for explanation in sorted(clock.explanations, key=lambda e: e.date):
        yield "", f"{explanation.date}: {explanation.sentence}"
    if clock.extension:
        months = f"{clock.extension.months} month(s), {clock.extension.state}"
        yield "Extension", f"{months}; its notice has to leave by {day(clock.notice_due_date)}"
    for pause in clock.pauses:
        until = moment(pause.answered_at) if pause.answered_at else "open"
        counted = "counted" if pause.counted else "asked too late to count"
        yield "Question", f"{pause.reason}, {moment(pause.asked_at)} - {until}, {counted}"
    if clock.replied_at:
        yield "Answered", moment(clock.replied_at)
    if clock.escalation != "none":
        yield "Escalated", f"to the {clock.escalation}"
    for cause in clock.breach_causes:
        yield "Breach", cause
    if clock.next_step_at:
        yield "Next step", f"of the ladder: {moment(clock.next_step_at)}"


def _awaiting(view: CaseView) -> None:
    if not view.awaiting:
        return
    say("", "Awaited")
    for a in view.awaiting:
        until = f", until {moment(a.due)}" if a.due else ""
        say(
            f"{a.task}  {what(a.what, a.system)}, from the {a.role}, since "
            f"{moment(a.since)}{until}",
            f"    {awaited_command(view, a)}",
        )


def what(name: str, system: str | None) -> str:
    """A task in words."""
    return name.replace("_", " ") + (f": {system}" if system else "")


def letters(found: Sequence[LetterView], title: str = "") -> None:
    """The outbox of a case."""
    table(
        ("letter", "kind", "state", "left"),
        [(x.id, x.kind, x.state, moment(x.left_at) if x.left_at else None) for x in found],
        title,
    )


def timeline(entries: Iterable[TimelineEntry]) -> None:
    """What happened, in the order of its recording."""
    table(
        ("at", "actor", "event", "what happened"),
        [(moment(e.at), e.actor, e.event, e.text) for e in entries],
    )


def cases(lines: Sequence["CaseLine"]) -> None:
    """Cases, the most urgent first."""
    if not lines:
        return say("No case is like that.")
    table(
        ("number", "kind", "status", "due", "safe date", "escalation", "outcome", "handler"),
        [
            (c.number, c.kind, c.status, short_day(c.due_date) if c.due_date else "suspended",
             short_day(c.safe_date), c.escalation, c.outcome, c.assignee)
            for c in lines
        ],
    )  # fmt: skip
    say("", f"{len(lines)} case(s). One of them: dsr show NUMBER")
    return None


def tasks(lines: Sequence["TaskLine"]) -> None:
    """What needs a person now, with the command that does it."""
    if not lines:
        return say("Nothing waits for a person.")
    for t in lines:
        again = f", reminded {moment(t.reminded_at)}" if t.reminded_at else ""
        say(
            f"{short_day(t.safe_date)}  {t.number}  {what(t.what, t.system)}, for the {t.role}, "
            f"since {moment(t.since)}{again}",
            f"    {command_for(t.what, t.number, t.task, t.system)}",
        )
        if t.called_back:
            say("    Called back: destroy nothing there, or nothing more. If something is there: "
                "--left, with --records N for what went before.")  # fmt: skip
    notices = sum(is_notice(t.what) for t in lines)
    say("", f"{len(lines)} task(s), {notices} of them tell of an escalation.")
    return None


def overview(counts: "Overview") -> None:
    """Open by status and kind, overdue, breached by cause, load."""
    kinds = sorted({kind for row in counts.open.values() for kind in row})
    rows = [
        (status, *(row.get(kind, 0) for kind in kinds), sum(row.values()))
        for status, row in counts.open.items()
    ]
    if rows:
        table(("open", *kinds, "all"), rows)
    else:
        say("No case is open.")
    say("", f"Overdue: {counts.overdue}")
    for system in counts.standing_still:
        which = "Every system" if system == "*" else system
        say(f"{which} stands still: nothing is erased or corrected there. See: dsr pause --list")
    for pause in counts.left_alone:
        say(left_alone(pause))
    for title, column in (("breached by", counts.breached), ("open, of handler", counts.load)):
        if column:
            say("")
            table((title, "cases"), sorted(column.items()))


def left_alone(pause: "Pause") -> str:
    """What fails for every case: told once, with what to do."""
    if pause.failing_since is None:
        return f"{pause.system} asked to be left alone until {moment(pause.paused_until)}."
    return (
        f"{pause.system} fails since {moment(pause.failing_since)} ({pause.trouble}): left alone "
        f"until {moment(pause.paused_until)}, then one call tries; {pause.waiting} case(s) wait. "
        f"See: dsr systems check {pause.system}. To call it at once: dsr resume {pause.system}"
    )


def standstills(standing: Sequence["Standstill"]) -> None:
    """What an operator has stopped, who waits for it, and what people were told before."""
    if not standing:
        return say("Nothing stands still.")
    for one in standing:
        which = one.system or "every system"
        say(f"{which}: since {moment(one.since)}, by {one.by}. To go on: dsr resume"
            f"{f' {one.system}' if one.system else ''}")  # fmt: skip
        say(f"  waiting: {', '.join(one.waiting) or 'no case'}")
        if one.with_people:
            say(f"  told to destroy before, ask them to wait: {', '.join(one.with_people)}")
    return None


def asked(corrections: "CorrectionsAsked") -> None:
    """What a correction asks for, by number, and what was left as it is. Personal data."""
    say("Asked to correct")
    for number, one in enumerate(corrections.asked, 1):
        old = "" if one.old is None else f"{visible(one.old)} -> "
        say(f"  {number}  {visible(one.field)}: {old}{visible(one.new)}")
        if one.evidence:
            say(f"     evidence: {visible(one.evidence)}")
    if corrections.message:
        say(f"  message: {visible(corrections.message)}")
    for system, done in corrections.done.items():
        for column in done.applied:
            say(f"  corrected  {system}: {column.table}.{column.column}, {column.rows} row(s)")
        for left in done.conflicts:
            say(f"  left ({left.why})  {system}: {left.table}.{left.column} is "
                f"{visible(left.held)}")  # fmt: skip
    say("")


def found(parts: Mapping[str, "Found"], view: "CaseView") -> None:
    """What was found, per system. Personal data."""
    number = view.number
    if not parts:
        return say(f"Nothing was found for {number}, or the search has not ended: "
                   f"dsr show {number}")  # fmt: skip
    empty = [system for system, held in parts.items() if held == type(held)()]
    if empty:
        say(f"Nothing held by: {', '.join(empty)}")
    for system, held in parts.items():
        if system in empty:
            continue
        _rows(f"{system}: {len(held.rows)} record(s)", held.rows)
        for name in held.files:
            say(f"  file handed in: {visible(name)}  (dsr found {number} --save-files DIR)")
        if held.doubtful:
            _rows(f"{system}: {len(held.doubtful)} doubtful, may be another's", held.doubtful)
        for third in held.third_party:
            say(f"  of somebody else: {third.schema_name}.{third.table}: {visible(third.reason)}")
    if view.kind == "access":
        say("", f"Withhold: dsr review {number} --withhold SYSTEM:ITEM:rights_of_others --as ACTOR")
    return None


def plan(parts: Mapping[str, "ErasurePlan"], view: "CaseView") -> None:
    """What a deletion would do, counted per table; what stays with reason and date."""
    if not parts:
        return say(f"{view.number} has no plan of a deletion. See: dsr show {view.number}")
    if empty := [system for system, planned in parts.items() if not planned.tables]:
        say(f"Nothing held by: {', '.join(empty)}")
    for system, planned in parts.items():
        if system not in empty:
            say("", system)
        for part in planned.tables:
            say(f"  {part.schema_name}.{part.table}: {part.action} {len(part.rows)} record(s)")
            for why, rows in _by_reason(part).items():
                say(f"    {rows} kept: {why}")
        if planned.doubtful:
            say(f"  {planned.doubtful} record(s) could be another person's: left alone")
        for blocked in planned.blocked:
            say(f"  blocked: {visible(blocked)}")
    say("", f"Plan {view.plan}. Two people approve it: dsr decide {view.number} approve, then "
            f"dsr second-decision {view.number} approve")  # fmt: skip
    return None


def _by_reason(part: "PlannedTable") -> dict[str, int]:
    """Why rows stay, and until when, with their number."""
    reasons: Counter[str] = Counter()
    for row in part.rows:
        if row.reason is not None:
            provision = f", {row.provision}" if row.provision else ""
            until = f", until {day(row.until)}" if row.until else ""
            reasons[f"{row.reason}{provision}{until}"] += 1
    return dict(reasons)


def _rows(title: str, rows: Sequence["FoundRow"]) -> None:
    say("", title)
    for row in rows:
        say(f"  item {visible(row.item)}  {row.schema_name}.{row.table}")
        for column, value in row.values.items():
            say(f"    {visible(column)}: {visible(value)}")
