"""A request as intake compares it: who it is about, what it asks, under which key it came.

Everything here is a keyed hash: nothing of it can be read back.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

from connectors.contract import Person
from rules import identity
from schemas.policy import Policy
from schemas.request import RequestForm
from storage.keyring import Keyring


@dataclass(frozen=True)
class Submission:
    """One form on its way in."""

    form: RequestForm
    person: Person
    policy: Policy
    keyring: Keyring

    @cached_property
    def hashes(self) -> list[bytes]:
        """The identifiers, in the order given."""
        return [self._digest("identifier", i.type, i.value) for i in self.person.identities]

    @cached_property
    def known(self) -> set[tuple[str, bytes]]:
        """What the case is looked up by: identifiers by type, and each word of the name."""
        names = {("name", self._digest("name", w)) for w in identity.name_words(self.person.name)}
        return names | set(zip((i.type for i in self.person.identities), self.hashes, strict=True))

    @cached_property
    def key(self) -> bytes | None:
        """The caller's idempotency key."""
        key = self.form.idempotency_key
        return None if key is None else self._digest("idempotency", key)

    @cached_property
    def body(self) -> bytes:
        """The whole form but the key: what the same key must bring again."""
        body = self.form.model_dump(mode="json", exclude={"idempotency_key"})
        return self._digest("body", json.dumps(body, sort_keys=True))

    @cached_property
    def subject(self) -> bytes:
        """Equal for the same name and identifiers; without a unique one, for nobody else at all.

        A name alone, or a shared address alone, is nobody in particular (law.md 3).
        """
        known: list[Any] = sorted([i.type, i.value] for i in self.person.identities)
        if not any(self.policy.identifiers[i.type].unique for i in self.person.identities):
            known.append(str(uuid4()))
        words = sorted(identity.name_words(self.person.name))
        return self._digest("person", json.dumps([words, known]))

    @cached_property
    def content(self) -> bytes:
        """Equal for the same kind, scope and content, however and whenever it came."""
        return self._digest("content", json.dumps(_content(self.form), sort_keys=True))

    def keys_of(self, known: set[tuple[str, bytes]]) -> identity.PersonKeys:
        """Identifiers and names as `rules.identity` compares them."""
        policies = self.policy.identifiers
        return identity.PersonKeys(
            identifiers=frozenset(
                identity.IdentifierKey(kind, value, policies[kind].unique, policies[kind].personal)
                for kind, value in known
                if kind in policies
            ),
            name_words=frozenset(value for kind, value in known if kind == "name"),
        )

    def _digest(self, kind: str, *values: str) -> bytes:
        return self.keyring.digest(kind, *values)


def _content(form: RequestForm) -> dict[str, Any]:
    sender = form.submitter
    return {
        "kind": form.kind,
        "scope": sorted(set(form.scope)),
        "purposes": sorted(set(form.purposes)),
        "consent": form.consent.model_dump() if form.consent else None,
        "corrections": [c.model_dump() for c in form.corrections],
        "message": " ".join((form.message or "").casefold().split()),
        "attachments": sorted(hashlib.sha256(a.base64).hexdigest() for a in form.attachments),
        # Whoever asks for somebody else never gets the subject's own answer, nor the reverse.
        "submitter": [sender.relation, sorted(identity.name_words(sender.name))]
        if sender
        else None,
    }
