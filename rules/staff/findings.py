"""What was found is looked at, and withheld with a reason code (Art. 15(4)).

Each check gives the sentence that refuses the action, None if it can be taken.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from rules.staff.tasks import systems_of
from schemas.case import CaseView, Ground
from schemas.messages import Review

_ITEM: Final = re.compile(r"[1-9][0-9]{0,6}", re.ASCII)

WITHHOLDING: Final = (Ground.RIGHTS_OF_OTHERS, Ground.LEGAL_CLAIMS)


class Matched(NamedTuple):
    """A system whose doubtful records a person looked through: the sure ones, and those chosen.

    Items are numbered from 1, the doubtful ones after the person's own.
    """

    own: int
    chosen: tuple[str, ...]

    def has(self, item: str) -> bool:
        """Whether this is an item of the person."""
        return item in self.chosen or (_ITEM.fullmatch(item) is not None and int(item) <= self.own)


def review(
    view: CaseView, action: Review, _now: datetime, *, matched: Mapping[str, Matched], **_: Any
) -> str | None:
    named = [(item.system, item.item) for item in action.withhold]
    if len(set(named)) < len(named):
        return "Not reviewed: an item is named twice. Name each once, with one reason code."
    for item in action.withhold:
        system = view.system(item.system)
        if system is None:
            return f"Not reviewed: no such system. {systems_of(view)}"
        if not matched.get(item.system, Matched(system.records, ())).has(item.item):
            return (
                f"Not reviewed: {system.name} has no such item ({system.records} found, counted "
                f"from 1). See: dsr found {view.number}"
            )
        if item.code not in WITHHOLDING:
            return f"Not reviewed: items are withheld for {' or '.join(WITHHOLDING)}, Art. 15(4)."
    return None
