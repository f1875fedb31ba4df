"""Workflow code decides the same on replay: no clock, no chance, no I/O, no order of a set."""

import ast
import builtins
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "workflows").rglob("*.py"))

ALLOWED_IMPORTS = {
    "abc", "asyncio", "collections", "contextlib", "dataclasses", "datetime", "enum", "functools",
    "json",
    "typing", "temporalio", "schemas", "rules", "workflows",
}  # fmt: skip
ALLOWED_OF_ASYNCIO = {
    "CancelledError", "FIRST_COMPLETED", "Lock", "Semaphore", "Task", "create_task",
}  # fmt: skip
"""What is the same on every replay; `workflow.sleep` and `workflow.wait` stand for the rest."""

OF_MODULES = {
    "now", "utcnow", "today", "fromtimestamp", "time", "monotonic", "perf_counter",
    "uuid1", "uuid4", "uuid7", "urandom", "token_hex",
}  # fmt: skip
OF_NOBODY = {*OF_MODULES - {"time"}, "hash", "id", "input", "open", "print"}
IN_ORDER = {"sorted", "len", "min", "max", "any", "all", "sum"}
"""What gives the same for a set, whatever the order in which it hands out its elements."""

ONE_BY_ONE = {"list", "tuple", "next", "iter", "enumerate", "zip"}


def faults(tree: ast.Module) -> list[str]:
    """What of a workflow file could differ on replay."""
    found = [*_imports(tree), *_calls(tree), *_sets(tree)]
    return [f"line {line}: {what}" for line, what in sorted(found)]


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom) and [a.name for a in node.names] != ["UUID"]:
            names = [node.module or "a relative module"]
        yield from ((node.lineno, f"imports {name}") for name in names if _room(name))


def _room(name: str) -> str | None:
    """The top of a module's name, unless workflows may import it."""
    top = name.split(".")[0]
    return None if top in ALLOWED_IMPORTS else top


def _modules(trees: Iterable[ast.Module]) -> set[str]:
    return {what.removeprefix("imports ") for tree in trees for _, what in _imports(tree)}


def _calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Clocks, chance and I/O, by the names under which they are called."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="asyncio"), attr=name):
                if name not in ALLOWED_OF_ASYNCIO:
                    yield node.lineno, f"asyncio.{name}"
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                if owner != "workflow" and name in OF_MODULES:
                    yield node.lineno, f"{owner}.{name}"
            case ast.Call(func=ast.Name(id=name)) if name in OF_NOBODY:
                yield node.lineno, f"{name}()"


def _sets(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """A set that is gone through in its own order: it differs from process to process."""
    harmless = _arguments_in_order(tree)
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        named = _names_of_sets(scope)
        for place, gone_through in _gone_through(scope):
            if place not in harmless and _is_set(gone_through, named):
                yield gone_through.lineno, "a set in its own order"


def _gone_through(scope: ast.AST) -> Iterator[tuple[ast.AST, ast.expr]]:
    for node in ast.walk(scope):
        match node:
            case ast.For(iter=each) | ast.AsyncFor(iter=each) | ast.Starred(value=each):
                yield node, each
            case ast.GeneratorExp() | ast.ListComp() | ast.DictComp():
                yield from ((node, part.iter) for part in node.generators)
            case ast.Call(func=ast.Name(id=name)) if name in ONE_BY_ONE:
                yield from ((node, argument) for argument in node.args)
            case ast.Call(func=ast.Attribute(attr="join" | "pop", value=owner)):
                yield from ((node, part) for part in (*node.args, owner))


def _arguments_in_order(tree: ast.Module) -> set[ast.AST]:
    """Generators and stars that end in `sorted` or the like, or in another set."""
    harmless: set[ast.AST] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in IN_ORDER | {"set", "frozenset"}:
                harmless.update(node.args)
            case ast.Set():
                harmless.update(node.elts)
    return harmless


def _names_of_sets(scope: ast.AST) -> set[str]:
    """Local names that are bound to a set."""
    named: set[str] = set()
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and _is_set(node.value, named):
            named |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return named


def _is_set(node: ast.expr, named: set[str]) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Name):
        return node.id in named
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.BitOr | ast.BitAnd):
        return _is_set(node.left, named) or _is_set(node.right, named)
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"set", "frozenset"}
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_workflow_code_has_no_clock_no_chance_no_io_and_no_order_of_a_set(file: Path):
    assert faults(ast.parse(file.read_text())) == []


@pytest.mark.parametrize("room", ["schemas", "rules"])
def test_what_the_sandbox_passes_through_has_no_clock_and_no_chance(room: str):
    """Loaded once for all runs (`starter.sandbox.PASSED_THROUGH`), so the sandbox sees nothing."""
    files = sorted((ROOT / room).glob("*.py"))

    trees = {file.name: ast.parse(file.read_text()) for file in files}

    assert {name: found for name, tree in trees.items() if (found := list(_calls(tree)))} == {}
    assert not {"time", "random", "secrets", "os", "socket"} & _modules(trees.values())


@pytest.mark.parametrize(
    "line",
    [
        "import random", "import time", "from uuid import uuid4", "import os", "import httpx2",
        "from storage.case_file import CaseFile", "from activities.desk import Desk",
        "import structlog", "from zoneinfo import ZoneInfo",
        "datetime.now(UTC)", "date.today()", "time.monotonic()", "uuid.uuid4()", "hash(name)",
        "open('/tmp/x')", "asyncio.sleep(1)", "asyncio.wait(tasks)", "asyncio.as_completed(tasks)",
        "asyncio.to_thread(work)", "asyncio.gather(a, b)",
        "for x in {1, 2}: tell(x)", "for x in set(names): tell(x)", "tuple(set(names))",
        "[tell(x) for x in {a} | known]", "tell(*{1, 2})", "','.join({a, b})", "{1, 2}.pop()",
        "names = {1, 2}\n    for x in names: tell(x)",
    ],
)  # fmt: skip
def test_the_guard_sees(line: str):
    """Its control: each of these is found in a workflow's method."""
    assert faults(ast.parse(f"async def run():\n    {line}"))


@pytest.mark.parametrize(
    "line",
    [
        "workflow.now()", "workflow.uuid4()", "await workflow.wait(tasks)", "asyncio.Lock()",
        "for x in sorted({1, 2}): tell(x)", "any(x for x in {1, 2})", "x in {1, 2}",
        "names = {x for x in {1, 2}}", "for x in (1, 2): tell(x)",
    ],
)  # fmt: skip
def test_the_guard_lets_pass(line: str):
    assert faults(ast.parse(f"async def run():\n    {line}")) == []


def test_what_the_guard_allows_exists():
    """A misspelt name would allow nothing, in silence."""
    assert {name for name in ALLOWED_IMPORTS if name in sys.stdlib_module_names} >= {"asyncio"}
    assert all(hasattr(builtins, name) for name in IN_ORDER)
