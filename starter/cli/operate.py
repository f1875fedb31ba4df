"""Running the engine: servers and worker, demo, migration, reconciliation, evidence, checks."""

import asyncio
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import BadInput, CheckFailed, DsrError, RefusedByRule, Unreachable
from starter.cli import files
from starter.cli.console import give, remark, say, table, with_engine
from starter.cli.dashboards import onlooker
from starter.cli.words import Json, Number, Onlooker, Out

if TYPE_CHECKING:
    from connectors.registry import Systems
    from starter.open import Engine
    from starter.settings import Settings
    from storage.verify import Report

PANEL = "Operation"
