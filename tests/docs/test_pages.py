"""README and docs say what the program does: commands, settings, links, generated parts."""

from pathlib import Path

import pytest

from starter.settings import Settings
from tests.docs import generate
from tests.docs.pages import COMMANDS, NAMES, ROOT, anchors, links, resolve, shown_commands, text_of

SHOWN = [(name, words) for name in NAMES for words in shown_commands(name)]


@pytest.mark.parametrize(("page", "words"), SHOWN, ids=[f"{p}: {' '.join(w)}" for p, w in SHOWN])
def test_a_command_that_is_shown_exists_with_its_options(page: str, words: list[str]) -> None:
    _, command, arguments = resolve(words)
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    given = {word.split("=")[0] for word in arguments if word.startswith("--")}
    assert given <= options


def test_every_command_is_shown_somewhere() -> None:
    shown = {resolve(words)[0] for _, words in SHOWN}
    assert {*COMMANDS} <= shown


@pytest.mark.parametrize("page", NAMES)
def test_the_generated_parts_are_those_of_the_program(page: str) -> None:
    text = text_of(page)
    assert generate.fresh(text) == text, "stale: python -m tests.docs.generate"


def test_every_part_that_can_be_generated_stands_in_a_page() -> None:
    pages = "".join(text_of(name) for name in NAMES)
    assert all(f"<!-- generated: {part} " in pages for part in generate.PARTS)


def test_every_setting_is_described() -> None:
    operations = text_of("docs/operations.md")
    for field in Settings.model_fields.values():
        assert field.description
        assert f"| `{field.alias}` |" in operations


@pytest.mark.parametrize("page", NAMES)
def test_every_link_leads_somewhere(page: str) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        there = (ROOT / page).parent / target if target else ROOT / page
        assert there.exists(), link
        if anchor:
            assert anchor in anchors(str(Path(there).resolve().relative_to(ROOT))), link


def test_every_page_is_reached_from_the_readme() -> None:
    reached = {link.partition("#")[0] for link in links("README.md")}
    assert {name for name in NAMES if name != "README.md"} <= reached


def test_the_readme_says_at_once_that_it_is_no_legal_advice_and_how_to_begin() -> None:
    beginning = text_of("README.md").split("\n## ")[0]
    for words in ("Not legal advice", "make demo", "make test"):
        assert words in beginning
