"""The words that options take, and the options that several commands share.

Spelt out here because importing the models would cost every `--help` half a second; a test
compares them with the vocabulary.
"""

from typing import Annotated, Literal
from uuid import UUID

import typer

Kind = Literal["access", "correct", "delete", "objection", "consent"]
Channel = Literal["letter", "in_person", "email", "web", "phone", "api"]
Language = Literal["fi", "sv", "en"]
Status = Literal[
    "received", "identifying", "clarifying", "quoting", "searching", "reviewing", "deciding",
    "fulfilling", "replying", "following_up", "closed",
]  # fmt: skip
Ground = Literal[
    "cannot_identify", "unfounded", "excessive", "rights_of_others", "fact_disputed",
    "no_erasure_ground", "legal_obligation", "legal_hold", "legal_claims", "compelling_grounds",
]  # fmt: skip
Choice = Literal["approve", "partial", "refuse"]
SecondChoice = Literal["approve", "refuse"]
FeeChoice = Literal["charge", "waive", "refuse"]
FeeAnswer = Literal["accept", "withdraw"]
Question = Literal["identity", "clarification"]
Resolution = Literal["retry", "by-hand", "leave-out"]
NotTold = Literal["impossible", "disproportionate"]
Ending = Literal["not_a_request", "misdirected", "merged"]

Number = Annotated[
    str,
    typer.Argument(metavar="NUMBER", help="The case, for example 2027-0142.", show_default=False),
]
By = Annotated[
    str, typer.Option("--as", metavar="ACTOR", help="Account of the staff directory that acts.")
]
Onlooker = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="ACTOR",
        help="Account of the staff directory; without it the user of the operating system is "
        "recorded.",
    ),
]  # fmt: skip
Id = Annotated[
    UUID | None,
    typer.Option("--id", metavar="UUID", help="Taken once under one id: safe to repeat."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Reason = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Arguments are visible to others on this "
                 "machine: give personal data by --reason-file."),
]  # fmt: skip
ReasonFile = Annotated[
    str | None,
    typer.Option("--reason-file", metavar="F|-", help="The same text from a file or stdin."),
]
Digest = Annotated[
    str | None,
    typer.Option("--digest", metavar="DIGEST", help="Of the plan that is approved, see dsr plan: "
                 "another one is refused. Without it: the plan as it stands."),
]  # fmt: skip
Out = Annotated[str, typer.Option("--out", metavar="FILE", help="Where to write it; - is stdout.")]
