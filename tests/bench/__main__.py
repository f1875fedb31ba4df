"""Run the benchmarks: `make bench`, or `make bench ONLY=NAME`."""

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import Final

from tests.bench import fanout, histories, holds, speed, store, waiting
from tests.bench.figures import METRICS, Figure
from tests.bench.stand import a_stand

MODULES: Final = (fanout, histories, holds, speed, store, waiting)
HEAD: Final = ("metric", "parameters", "value", "unit", "bar", "")
FILE: Final = Path("bench.jsonl")
LONGEST: Final = 1800.0  # seconds for one metric: a hang is a failure, not a wait


async def measure(names: list[str]) -> list[Figure]:
    """Every figure of these metrics, one metric after another on the same servers."""
    figures = []
    async with a_stand() as stand:
        for name in names:
            began = time.monotonic()
            figures += await asyncio.wait_for(METRICS[name](stand), LONGEST)
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return figures


def lines(figures: list[Figure]) -> str:
    """The figures as bench.jsonl has them: one object a line."""
    return "".join(figure.model_dump_json() + "\n" for figure in figures)


def table(figures: list[Figure]) -> str:
    """The figures for a reader; a missed bar is marked."""
    rows = [HEAD, *(_row(figure) for figure in figures)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _row(figure: Figure) -> tuple[str, str, str, str, str, str]:
    parameters = " ".join(f"{name}={value}" for name, value in figure.parameters.items())
    sign = "<=" if figure.better == "lower" else ">="
    bar = "" if figure.bar is None else f"{sign} {figure.bar:g}"
    missed = "MISSED" if figure.missed else ""
    return figure.metric, parameters, f"{figure.value:.4g}", figure.unit, bar, missed


def main() -> int:
    """1 if a bar is missed, 2 for an unknown metric."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", metavar="NAME", help=f"one of: {', '.join(METRICS)}")
    only: str | None = parser.parse_args().only
    if only is not None and only not in METRICS:
        print(f"There is no metric {only}. Known: {', '.join(METRICS)}.", file=sys.stderr)
        return 2
    figures = asyncio.run(measure([only] if only else list(METRICS)))
    FILE.write_text(lines(figures))
    print(table(figures))
    return int(any(figure.missed for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
