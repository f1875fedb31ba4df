"""What a correction came to, as the reply tells it: a line for each value of each system."""

from collections.abc import Iterator, Mapping

from activities.reply_content import Changed, Unapplied
from connectors.contract import Corrected, CorrectionConflict
from schemas.systems import SystemFacts


def changed_values(done: Corrected, system: SystemFacts) -> Iterator[Changed]:
    """What stands corrected, by field: several columns of a system can hold the same data."""
    for field in dict.fromkeys(column.field for column in done.applied):
        columns = [column for column in done.applied if column.field == field]
        before = {text for column in columns for text in column.before}
        yield Changed(
            field=field, system=system, before=tuple(sorted(before)), after=columns[0].after
        )


def changed_by_hand(
    done: Corrected, system: SystemFacts, wanted: Mapping[str, str]
) -> Iterator[Changed]:
    """What was left, until a person corrected it. `wanted`: the new value of each field."""
    for one in _left(done):
        yield Changed(field=one.field, system=system, before=(one.held,), after=wanted[one.field])


def left_values(
    done: Corrected, system: SystemFacts, wanted: Mapping[str, str]
) -> Iterator[Unapplied]:
    """What was left as it is, and why."""
    for one in _left(done):
        yield Unapplied(
            field=one.field, system=system, held=one.held, wanted=wanted[one.field], why=one.why
        )


def _left(done: Corrected) -> Iterator[CorrectionConflict]:
    """Rows that hold the same are told once."""
    yield from {(one.field, one.held, one.why): one for one in done.conflicts}.values()
