"""README and docs as data: blocks of code, commands, links, generated parts."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.cli.command import commands

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
NAMES: Final = [str(page.relative_to(ROOT)) for page in PAGES]
COMMANDS: Final = commands()

_FENCED: Final = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE: Final = re.compile(r"`(dsr [^`\n]+)`")
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the name of the file that it shows, its text."""

    language: str
    name: str | None
    text: str


@dataclass(frozen=True)
class Told:
    """One command of a console block, and what the page says that it prints."""

    command: str
    output: str


def text_of(name: str) -> str:
    """A page by its path."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str | None = None) -> list[Block]:
    """The fenced blocks of a page."""
    found = [Block(*parts) for parts in _FENCED.findall(text_of(name))]
    return [block for block in found if language in (None, block.language)]


def told(name: str) -> list[Told]:
    """The commands of a page's console blocks, in order, each with its output."""
    found = []
    for block in blocks(name, "console"):
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append(Told(command, output))
    return found


def shown_commands(name: str) -> Iterator[list[str]]:
    """Every `dsr ...` of a page, as words after `dsr`; redirections and comments are cut off."""
    lines = [one.command for one in told(name)]
    lines += [line for block in blocks(name, "sh") for line in block.text.splitlines()]
    prose = _FENCED.sub("", text_of(name))
    for line in [*lines, *_INLINE.findall(prose)]:
        for words in _simple_commands(line):
            if words[:1] == ["dsr"]:
                yield words[1:]


def _simple_commands(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>&;")
    lexer.whitespace_split = True
    words: list[str] = []
    skip = False
    for token in lexer:
        if token and set(token) <= set("|&;"):
            yield words
            words, skip = [], False
        elif token and set(token) <= set("<>"):
            skip = True
        elif skip:
            skip = False
        elif words or not re.fullmatch(r"[A-Z_]+=.*", token):
            words.append(token)
    yield words


def resolve(words: list[str]) -> tuple[str, Any, list[str]]:
    """The command that the words name, and its arguments. Raises `LookupError`."""
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in COMMANDS:
            return name, COMMANDS[name], words[length:]
    raise LookupError(" ".join(words))


def links(name: str) -> list[str]:
    """Where a page points to."""
    return _LINK.findall(_FENCED.sub("", text_of(name)))


def anchors(name: str) -> set[str]:
    """The headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", text_of(name)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}
