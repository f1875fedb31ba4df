"""Evidence: the audit chain is checked, and exported for an authority."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import CheckFailed, RefusedByRule
from starter.cli import files
from starter.cli.console import give, remark, run, say, with_engine
from starter.cli.dashboards import onlooker
from starter.cli.words import Json, Number, Onlooker, Out

if TYPE_CHECKING:
    from starter.open import Engine
    from starter.settings import Settings
    from storage.signing import PublicKey
    from storage.verify import Report


def register(app: typer.Typer) -> None:
    """Adds `dsr audit`."""
    audit = typer.Typer(no_args_is_help=True, help="The evidence: check it, export it.")
    audit.command("verify")(verify)
    audit.command("export")(export)
    app.add_typer(audit, name="audit", rich_help_panel="Operation")


def verify(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="An exported case; needs no server. "
                                   "Without it every case of the database.")
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Find altered, reordered or removed entries, cut tails, removed cases, recomputed chains.

    As of the last signed checkpoint outside the database. Exit 1 if anything is wrong.
    """
    from starter.settings import from_environment

    settings = from_environment()
    report = run(_verify(settings)) if file is None else _verify_file(file, settings)
    if as_json:
        give(report)
    else:
        say(*(f"- {finding}" for finding in report.findings))
        say(
            f"{report.checked} entries of {report.cases} case(s) checked against "
            f"{report.checkpoints} checkpoint(s), {len(report.findings)} finding(s)."
        )
    if not report.ok:
        raise CheckFailed("The evidence is not as it was written. Keep it as it is, tell the DPO.")


async def _verify(settings: "Settings") -> "Report":
    """Opened by itself: a forged head must be found here, not refused at the door."""
    from starter.connection import resolve
    from starter.logs import configure
    from storage.database import connect
    from storage.migrate import refuse_unless_current
    from storage.secrets import Secrets
    from storage.verify import verify as check

    configure(settings.log_level)
    engine = connect(resolve(settings).database_url, application="dsr audit", pool_size=1)
    try:
        await refuse_unless_current(engine)
        public = Secrets.load(settings.keys_path()).signer.public
        async with engine.connect() as conn:
            return await check(conn, settings.audit_log_path(), public)
    finally:
        await engine.dispose()


def _verify_file(file: str, settings: "Settings") -> "Report":
    from storage.evidence import verify_export

    document = files.read_object(file)
    public = _own_key(settings)
    if public is None:
        remark(
            "Note: checked with the key inside the file: it is consistent; that it is ours only "
            "the engine's own key shows (DSR_KEYS)."
        )
    return verify_export(document, public)


def _own_key(settings: "Settings") -> "PublicKey | None":
    from storage.secrets import Secrets

    try:
        return Secrets.load(settings.keys_path()).signer.public
    except RefusedByRule:
        return None


def export(number: Number, out: Out, by: Onlooker = None) -> None:
    """Write the evidence of one case as a document that stands alone. The export is recorded."""
    files.write_fetched(out, lambda: with_engine(lambda e: _export(e, number, by), temporal=False))
    remark(f"The evidence of {number} is written. Check it anywhere: dsr audit verify {out}")


async def _export(engine: "Engine", number: str, by: str | None) -> bytes:
    from schemas.events import Event, fact
    from storage.evidence import export as evidence
    from storage.views import case_id_of

    who, at = onlooker(engine.client, by), engine.client.now()
    async with engine.case_file.engine.connect() as conn:
        case = await case_id_of(conn, number)
    await engine.case_file.note(case, fact(Event.EXPORTED), at, who)
    log = engine.settings.audit_log_path()
    async with engine.case_file.engine.connect() as conn:
        document = await evidence(conn, case, log, engine.secrets.signer.public)
    return json.dumps(document, indent=2, ensure_ascii=False).encode()
