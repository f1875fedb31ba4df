"""The recipients of a case as staff see them, and the list for the subject (Art. 19)."""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

from activities.letters import Letters
from activities.recipients import list_letter, recipients_of
from schemas.case import LetterKind
from schemas.errors import BadInput, RefusedByRule
from schemas.events import Event
from schemas.recipients import RecipientLedger, RecipientState
from schemas.request import RequestForm
from schemas.staff import Actor
from starter.configuration import Configuration
from storage.case_file import CaseFile

WRITES: Final = ("handler", "dpo")
UNCONFIRMED: Final = (RecipientState.NOTIFIED, RecipientState.ACKNOWLEDGED)


class Recipients:
    """Recipients of one controller's cases. `now` gives business time."""

    def __init__(
        self, case_file: CaseFile, configuration: Configuration, now: Callable[[], datetime]
    ) -> None:
        self._case_file = case_file
        self._configuration = configuration
        self._now = now

    async def ledger(self, case: UUID) -> RecipientLedger:
        """To whom what was done is communicated, and where that stands; also of a purged case."""
        async with self._case_file.reading.connect() as conn:
            return await recipients_of(conn, case, self._configuration.systems)

    async def write_list(self, case: UUID, by: Actor, id: UUID) -> str:
        """Put the list, as a letter to the subject, into the outbox; the letter's id.

        Safe to repeat under one `id`. Raises `RefusedByRule` for others than handler and DPO.
        """
        _must_be(by, WRITES, "Not written: the list is given by a handler or the dpo.")
        letters, part = Letters(self._configuration.letters), f"recipients:{id}"
        async with self._case_file.step(case, part, self._now(), by.account) as step:
            if step.repeated:
                return (await step.unseal(part) or b"").decode()
            form = RequestForm.model_validate_json(await step.unseal("form") or b"{}")
            letter = await list_letter(
                step, form, self._configuration.policy, self._configuration.systems
            )
            page = letters.render(LetterKind.RECIPIENTS, form.language, letter)
            written = await step.write_letter(LetterKind.RECIPIENTS, page.encode(), None)
            await step.seal(part, written.encode())
            return written

    async def acknowledged(self, case: UUID, system: str, by: Actor, id: UUID) -> RecipientLedger:
        """A recipient has confirmed to a person that it was told; it still owes an answer.

        Safe to repeat under one `id`. Raises `BadInput`, `RefusedByRule`.
        """
        known = await self.ledger(case)
        lines = [line for line in known.recipients if line.system == system]
        if not lines:
            names = ", ".join(dict.fromkeys(line.system for line in known.recipients)) or "none"
            raise BadInput(f"Not recorded: no such recipient. {known.number} has: {names}.")
        role = next(f.role for f in self._configuration.systems if f.name == system)
        _must_be(
            by, (*WRITES, role or "handler"),
            f"Not recorded: {system} is seen to by the {role or 'handler'}, a handler or the dpo.",
        )  # fmt: skip
        async with self._case_file.step(case, f"ack:{id}", self._now(), by.account) as step:
            if not step.repeated:
                if all(line.state not in UNCONFIRMED for line in lines):
                    raise RefusedByRule(
                        f"Not recorded: {system} was not told, or has answered. See: dsr "
                        f"recipients {known.number}"
                    )
                step.record(Event.RECIPIENT_ACKNOWLEDGED, system=system)
        return await self.ledger(case)


def _must_be(actor: Actor, roles: tuple[str, ...], sentence: str) -> None:
    if not actor.may_be(*roles):
        raise RefusedByRule(sentence)
