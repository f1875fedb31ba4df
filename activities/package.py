"""The package that answers an access request: a ZIP with data.json and reply.html, Art. 15(3), 20.

Pure: the same content gives the same bytes. What is withheld, what tells of somebody else and
what could be another person's stands in neither file; withheld items are named with their code
only. Files of people who answered by hand lie under files/SYSTEM/NAME.
"""

import io
import json
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import Field

from activities.letter_texts import Texts
from activities.letters import Letters
from activities.package_data import ControllerData, PackageData, SubjectData, SystemData
from activities.reply_content import AccessReply, DataTable, SystemCopy, SystemPart
from connectors.contract import Found, FoundRow
from schemas.base import Instant, Model
from schemas.request import Language

_FORBIDDEN: Final = re.compile(r'[<>:"|?*]')  # in file names of some operating systems
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_LONGEST_NAME: Final = 100  # characters


class HandedIn(Model):
    """A file with which a person answered for a system that the engine cannot read."""

    system: str
    name: str = Field(repr=False)
    media_type: str
    content: bytes = Field(repr=False)


class PackageContent(Model):
    """Everything of one answer. `found` by system; withheld items are those of `reply.systems`."""

    language: Language
    reply: AccessReply
    compiled_at: Instant
    found: dict[str, Found] = Field({}, repr=False)
    files: tuple[HandedIn, ...] = ()


class _Given(Model):
    """What of one system is given out."""

    part: SystemPart
    rows: tuple[FoundRow, ...] = ()
    files: tuple[tuple[str, HandedIn], ...] = ()  # by path


def compile_package(letters: Letters, content: PackageContent) -> bytes:
    """The ZIP. Raises `InvalidDocument` if reply.html would lack what the law wants in it."""
    texts = letters.texts(content.language)
    given = [_given(part, content) for part in content.reply.systems]
    copies = [_copy(system, texts) for system in given]
    reply = content.reply.model_copy(update={"systems": tuple(system.part for system in given)})
    members = [
        ("reply.html", letters.render_copy(content.language, reply, copies).encode()),
        ("data.json", _data(given, content, texts)),
        *((path, file.content) for system in given for path, file in system.files),
    ]
    return _zip(members, content.compiled_at.astimezone(ZoneInfo(content.reply.zone)))


def _given(part: SystemPart, content: PackageContent) -> _Given:
    if not part.answered or part.left_out:
        return _Given(part=part)
    found = content.found.get(part.facts.name, Found())
    withheld = {item.item for item in part.withheld}
    return _Given(
        part=part.model_copy(update={"third_party": len(found.third_party)}),
        rows=tuple(row for row in found.rows if row.item not in withheld),
        files=tuple(_paths(part.facts.name, content.files)),
    )


def _paths(system: str, files: Iterable[HandedIn]) -> Iterator[tuple[str, HandedIn]]:
    """Each file of the system with a path of its own, also where case does not count."""
    taken: set[str] = set()
    for file in (file for file in files if file.system == system):
        name = wanted = safe_name(file.name)
        count = 1
        while name.casefold() in taken:
            count += 1
            name = f"{count}-{wanted}"
        taken.add(name.casefold())
        yield f"files/{system}/{name}", file


def safe_name(name: str) -> str:
    """A file name that is only a name: no folders, no hidden or steering characters."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    visible = "".join(c for c in last if not unicodedata.category(c).startswith("C"))
    plain = _FORBIDDEN.sub("_", visible).strip(" .")
    if not plain or _RESERVED.match(plain):
        plain = f"file-{plain}".rstrip("-")
    stem, dot, suffix = plain.rpartition(".")
    if len(plain) > _LONGEST_NAME and dot and len(suffix) < 10:
        return f"{stem[: _LONGEST_NAME - len(suffix) - 1]}.{suffix}"
    return plain[:_LONGEST_NAME]


def _copy(given: _Given, texts: Texts) -> SystemCopy:
    return SystemCopy(
        part=given.part,
        tables=tuple(_tables(given.rows, texts)),
        files=tuple((path, file.media_type) for path, file in given.files),
    )


def _tables(rows: Iterable[FoundRow], texts: Texts) -> Iterator[DataTable]:
    def table_of(row: FoundRow) -> tuple[str, str]:
        return row.schema_name, row.table

    for (schema, table), records in groupby(sorted(rows, key=table_of), key=table_of):
        same = list(records)
        names = dict.fromkeys(name for row in same for name in row.values)
        kinds = {name: kinds for row in same for name, kinds in row.categories.items()}
        yield DataTable(
            name=f"{schema}.{table}",
            columns=tuple((name, texts.categories_of(kinds.get(name, ()))) for name in names),
            rows=[tuple(_cell(row.values.get(name), texts) for name in names) for row in same],
        )


def _cell(value: Any, texts: Texts) -> str | None:
    """A value as people read it; None where there is none."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return texts.yes if value else texts.no
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, indent=1)
    return str(value)


def _data(given: Iterable[_Given], content: PackageContent, texts: Texts) -> bytes:
    reply = content.reply
    data = PackageData(
        controller=ControllerData.model_validate(reply.controller, from_attributes=True),
        number=reply.number,
        subject=SubjectData(name=reply.subject.name),
        language=content.language,
        compiled_at=content.compiled_at,
        systems=tuple(
            SystemData.of(system.part, system.rows, [path for path, _ in system.files], texts)
            for system in given
        ),
    )
    return data.model_dump_json(by_alias=True, indent=1).encode()


def _zip(members: Iterable[tuple[str, bytes]], at: datetime) -> bytes:
    """A ZIP in which every member has the same time, so that equal content gives equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in members:
            info = zipfile.ZipInfo(path, date_time=at.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, on every machine that compiles
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()
