"""What staff do to a case: one command for each action, named like the update that it sends."""

import typer

from starter.cli import decisions, endings, questions


def register(app: typer.Typer) -> None:
    """Adds every staff action."""
    for command in (
        questions.verify_identity, questions.ask_identity, questions.ask_clarification,
        questions.record_answer, questions.settle_fee, questions.answer_fee,
        decisions.review, decisions.decide, decisions.second_decision, decisions.take_back,
        decisions.extend, decisions.complete_task, decisions.resolve_system,
        endings.withdraw, endings.close_as, endings.reassign, endings.reclassify,
        endings.correct_receipt, endings.reopen, endings.note,
    ):  # fmt: skip
        name = command.__name__.replace("_", "-")
        app.command(name, rich_help_panel="Staff actions")(command)
