"""What commands read from files and stdin, and write to files. Faults name the place, no content.

`-` is stdin, or stdout. Files that are written hold personal data: only their owner reads them.
"""

import errno
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from schemas.errors import BadInput

MOST_BYTES: Final = 20_000_000
"""No input is larger: 10 MB of attachments are 14 MB in base64."""


def read_bytes(file: str) -> bytes:
    """All of a file, or of stdin."""
    if file == "-":
        content = sys.stdin.buffer.read(MOST_BYTES + 1)
    else:
        try:
            with open(file, "rb") as stream:
                content = stream.read(MOST_BYTES + 1)
        except OSError as error:
            raise BadInput(
                f"{file} cannot be read: {error.strerror}. Name a file, or - for stdin."
            ) from None
        except ValueError:  # a NUL byte in the name
            raise BadInput(
                "The name of the file is no name. Name a file, or - for stdin."
            ) from None
    if len(content) > MOST_BYTES:
        raise BadInput(
            f"{_name(file)} is larger than {MOST_BYTES // 1_000_000} MB: it is not taken."
        )
    return content


def read_text(file: str) -> str:
    """All of a text in UTF-8."""
    try:
        return read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{_name(file)} is no UTF-8 text (byte {error.start + 1}). Save it as UTF-8."
        ) from None


def read_object(file: str) -> dict[str, Any]:
    """A JSON object. A fault is placed by line and column."""
    try:
        document = json.loads(read_text(file))
    except json.JSONDecodeError as error:
        raise BadInput(
            f"{_name(file)} is no valid JSON: line {error.lineno}, column {error.colno}. Correct "
            "it there."
        ) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, a thousand brackets
        raise BadInput(f"{_name(file)} is no JSON that can be taken: it is nested or long beyond "
                       "reason.") from None  # fmt: skip
    if not isinstance(document, dict):
        raise BadInput(f'{_name(file)} holds no JSON object: it begins with {{"...": ...}}.')
    return document


def refuse_broken_text(document: object) -> None:
    """Half a character (an escape like \\ud800, an argument that is not UTF-8) cannot be kept."""
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadInput("A text holds half a character. Write it in UTF-8.") from None


def free_text(text: str | None, file: str | None, option: str = "--reason") -> str | None:
    """A free text, from the option or from its file."""
    if text is not None and file is not None:
        raise BadInput(f"Give {option} or {option}-file, not both.")
    given = text if file is None else read_text(file)
    if given is None:
        return None
    if not given.strip():
        raise BadInput(f"The text of {option} is empty. Write what is to be recorded.")
    refuse_broken_text(given)
    return given.strip()


def required_text(text: str | None, file: str | None, option: str = "--reason") -> str:
    """The same, where it has to be given."""
    given = free_text(text, file, option)
    if given is None:
        raise BadInput(f"Missing {option} TEXT, or {option}-file F|- for what others must not see.")
    return given


def instant(text: str, option: str) -> datetime:
    """An instant with its offset; a naive one is refused."""
    try:
        at = datetime.fromisoformat(text.strip())
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise BadInput(
        f"{option} is an instant with its offset, for example 2027-03-05T10:00:00+02:00."
    )


def write_fetched(out: str, fetch: Callable[[], bytes]) -> None:
    """Write what `fetch` hands over. That it can be written is tried first: a fetch counts."""
    if out == "-":
        content = fetch()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    target = Path(out)
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except (OSError, ValueError) as error:
        raise _unwritable(out, error) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            _write(stream, fetch(), out)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _write(stream: BinaryIO, content: bytes, out: str) -> None:
    try:
        stream.write(content)
        stream.flush()
    except OSError as error:
        raise _unwritable(out, error) from None


def _unwritable(out: str, error: Exception) -> BadInput:
    reason = getattr(error, "strerror", None) or "it is no name of a file"
    return BadInput(f"{out} cannot be written: {reason}. Name another file with --out.")


def _name(file: str) -> str:
    return "stdin" if file == "-" else file
