"""The package of an access request: what is in it, and above all what is not."""

import io
import json
import time
import zipfile
from typing import Any

import pytest

from activities.letters import Letters
from activities.package import HandedIn, PackageContent, compile_package, safe_name
from activities.reply_content import AccessReply
from connectors.contract import Found, FoundRow, ThirdParty
from schemas.case import SystemOutcome
from schemas.request import Language
from tests.letters import contents
from tests.letters.contents import EASTER, POLICY, a_part, a_system
from tests.letters.page import Page


def a_row(item: str, **values: Any) -> FoundRow:
    return FoundRow(
        item=item,
        schema_name="crm",
        table="contact",
        key={"id": int(item)},
        path=("crm.contact.email",),
        values={"id": int(item)} | values,
        categories={"email": ("user.contact.email",)},
    )


class Package:
    """A compiled package, opened."""

    def __init__(self, letters: Letters, reply: AccessReply, **more: Any) -> None:
        content = {"language": Language.ENGLISH, "reply": reply, "compiled_at": EASTER} | more
        self.bytes = compile_package(letters, PackageContent.model_validate(content))
        self.zip = zipfile.ZipFile(io.BytesIO(self.bytes))
        self.names = self.zip.namelist()
        self.html = self.zip.read("reply.html").decode()
        self.json = self.zip.read("data.json").decode()
        self.data = json.loads(self.json)

    @property
    def page(self) -> Page:
        return Page(self.html)


def test_data_json_has_the_open_structure_with_everything_known_of_each_system(
    letters: Letters,
) -> None:
    """Art. 15(1), 15(3), 20: the shape that other programs rely on."""
    found = {"support": Found(rows=(a_row("1", email="aino@example.org", note="ä €"),))}
    data = Package(letters, contents.access(a_part(records=1)), found=found).data

    system = data.pop("systems")[0]
    assert data == {
        "format": "dsr-access-package/1",
        "controller": {
            "name": "Mipro Oy",
            "address": "Kunnanmäki 9, 50600 Mikkeli",
            "contact": POLICY.controller.contact,
        },
        "number": "2026-0142",
        "subject": {"name": "Aino Esimerkki"},
        "language": "en",
        "compiled_at": "2026-04-05T09:30:00Z",
    }
    assert system == {
        "name": "support",
        "title": "Support contracts",
        "answered": True,
        "purposes": ["support", "invoicing"],
        "categories": ["user.name", "user.contact.email"],
        "recipients": [
            {"name": "Helpdesk Ltd", "relation": "processor", "country": "US", "safeguard": "SCC"}
        ],
        "retention": "2 years",
        "sources": "yourself",
        "automated_decisions": None,
        "records": [
            {
                "schema": "crm",
                "table": "contact",
                "key": {"id": 1},
                "path": ["crm.contact.email"],
                "values": {"id": 1, "email": "aino@example.org", "note": "ä €"},
            }
        ],
        "withheld": [],
        "files": [],
    }


def test_reply_html_is_the_reply_with_a_faithful_copy_of_the_data(letters: Letters) -> None:
    """Art. 15(1)-(3): the information, the copy, the complaint route."""
    row = a_row("1", email="aino@example.org", active=True, tags=["a", "b"], left=None)
    package = Package(
        letters, contents.access(a_part(records=1)), found={"support": Found(rows=(row,))}
    )

    assert "We process personal data about you." in package.page.text
    assert package.page.section("complaint")
    headers = ["".join(th.itertext()) for th in package.page.all("th")]
    assert "emaile-mail address" in headers
    for value in ("aino@example.org", "yes", '"b"', "–"):
        assert value in package.page.text


@pytest.mark.parametrize("language", Language)
def test_the_package_speaks_the_subjects_language(letters: Letters, language: Language) -> None:
    package = Package(letters, contents.access(), language=language)

    assert package.page.root.get("lang") == language
    assert package.data["systems"][0]["title"] == a_system().title[language]
    assert letters.texts(language).phrases["copy"]["heading"] in package.page.text


def test_withheld_values_are_in_neither_file_only_the_item_and_its_code(letters: Letters) -> None:
    """Art. 15(4): redacted with a reason code, and the answer is a partial no."""
    rows = (a_row("1", note="MINE"), a_row("2", note="SECRET", key="KEY"))
    reply = contents.access(a_part(withhold="2"))
    package = Package(letters, reply, found={"support": Found(rows=rows)})

    assert "MINE" in package.json
    assert "MINE" in package.html
    for content in (package.json, package.html):
        assert "SECRET" not in content
        assert "KEY" not in content
    system = package.data["systems"][0]
    assert system["withheld"] == [{"item": "2", "code": "rights_of_others"}]
    assert [record["key"] for record in system["records"]] == [{"id": 1}]
    assert "rights_of_others" in package.page.text
    assert package.page.section("remedy")


def test_records_of_other_people_are_counted_with_the_code_and_never_shown(
    letters: Letters,
) -> None:
    """Art. 15(4); without a primary key the key is the whole row."""
    other = ThirdParty(schema_name="crm", table="note", key={"who": "NEIGHBOUR"}, reason="COLUMN")
    found = Found(rows=(a_row("1"),), third_party=(other, other))
    package = Package(letters, contents.access(a_part(records=1)), found={"support": found})

    for content in (package.json, package.html):
        assert "NEIGHBOUR" not in content
        assert "COLUMN" not in content
    assert [w["code"] for w in package.data["systems"][0]["withheld"]] == ["rights_of_others"] * 2
    assert "2 records were found that are about other people" in package.page.text
    assert package.page.section("remedy")


def test_a_doubtful_match_leaves_no_trace(letters: Letters) -> None:
    """law.md 3: what could be another person's is never given out unchosen."""
    found = Found(doubtful=(a_row("7", note="NAMESAKE"),))
    package = Package(letters, contents.access(a_part(records=0)), found={"support": found})

    assert "NAMESAKE" not in package.json + package.html
    assert package.data["systems"][0]["withheld"] == []


@pytest.mark.parametrize("outcome", [SystemOutcome.SILENT, SystemOutcome.LEFT_OUT])
def test_nothing_is_given_of_a_system_that_has_not_answered_or_is_left_out(
    letters: Letters, outcome: SystemOutcome
) -> None:
    found = {"support": Found(rows=(a_row("1", note="HALF"),))}
    package = Package(letters, contents.access(a_part(outcome, 0)), found=found)

    assert "HALF" not in package.json + package.html
    assert package.data["systems"][0]["answered"] is (outcome is SystemOutcome.LEFT_OUT)


def test_a_file_handed_in_lies_under_its_system_and_is_named_in_both(letters: Letters) -> None:
    scan = HandedIn(system="support", name="skannattu äö.pdf", media_type="application/pdf",
                    content=b"%PDF \x00\xff")  # fmt: skip
    package = Package(letters, contents.access(a_part(records=1)), files=(scan,))

    path = "files/support/skannattu äö.pdf"
    assert package.zip.read(path) == b"%PDF \x00\xff"
    assert package.data["systems"][0]["files"] == [path]
    assert f"{path} (application/pdf)" in package.page.text
    links = [a.get("href") for a in package.page.all("a")]
    assert links == ["files/support/skannattu%20%C3%A4%C3%B6.pdf"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\win.ini", "win.ini"),
        ("/absolute", "absolute"),
        ("..", "file"),
        ("", "file"),
        ("a\u202efdp.exe", "afdp.exe"),
        ("line\nbreak\x00.txt", "linebreak.txt"),
        ("CON.txt", "file-CON.txt"),
        ('what?"*.txt', "what___.txt"),
        (".hidden", "hidden"),
        ("x" * 300 + ".pdf", "x" * 96 + ".pdf"),
        ("a\u0308iti.txt", "äiti.txt"),
    ],
)
def test_a_file_name_is_only_a_name(given: str, kept: str) -> None:
    assert safe_name(given) == kept


def test_files_of_one_name_keep_apart_also_where_case_does_not_count(letters: Letters) -> None:
    files = [HandedIn(system="support", name=name, media_type="text/plain", content=name.encode())
             for name in ("a/Scan.txt", "b/scan.txt", "../data.json")]  # fmt: skip
    package = Package(letters, contents.access(a_part(records=1)), files=files)

    assert package.names == [
        "reply.html", "data.json", "files/support/Scan.txt", "files/support/2-scan.txt",
        "files/support/data.json",
    ]  # fmt: skip
    assert package.zip.read("files/support/2-scan.txt") == b"b/scan.txt"


def test_the_same_content_gives_the_same_bytes_with_the_business_time(letters: Letters) -> None:
    found = {"support": Found(rows=(a_row("1", note="x"),))}
    first, second = (Package(letters, contents.access(), found=found) for _ in range(2))

    assert first.bytes == second.bytes
    assert {info.date_time for info in first.zip.infolist()} == {(2026, 4, 5, 12, 30, 0)}


def test_hostile_values_stay_text_and_the_page_well_formed(letters: Letters) -> None:
    row = a_row("1", note='<script>alert(1)</script> {{7*7}} "\x07', **{"<b>": "</table>"})
    package = Package(
        letters, contents.access(a_part(records=1)), found={"support": Found(rows=(row,))}
    )

    assert not package.page.all("script")
    assert "<script>alert(1)</script> {{7*7}}" in package.page.text
    assert package.data["systems"][0]["records"][0]["values"] == row.values


def test_a_wide_record_becomes_a_block_of_its_own_so_that_it_fits_on_paper(
    letters: Letters,
) -> None:
    rows = [
        a_row(str(item), **{f"column_{n}": f"{item}-{n}" for n in range(20)}) for item in (1, 2)
    ]
    package = Package(letters, contents.access(), found={"support": Found(rows=rows)})

    blocks = [
        t for t in package.page.all("table") if (t.findtext("caption") or "").startswith("crm")
    ]
    assert len(blocks) == 2
    assert all(len(row) <= 2 for block in blocks for row in block.iter("tr"))


def test_five_thousand_records_are_compiled_while_the_handler_waits(letters: Letters) -> None:
    rows = tuple(
        a_row(str(n), email=f"a{n}@example.org", note="word " * 10, at="2026-04-05T10:00:00+03:00")
        for n in range(5_000)
    )
    reply = contents.access(a_part(records=5_000))
    started = time.perf_counter()
    package = Package(letters, reply, found={"support": Found(rows=rows)})

    assert time.perf_counter() - started < 3  # 0.4 s on an idle core
    assert "a4999@example.org" in package.html
    assert len(package.data["systems"][0]["records"]) == 5_000
