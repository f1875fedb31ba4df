"""A figure with its bar, and the list of all metrics.

A new metric is one function: `@metric async def name(stand) -> list[Figure]`, in a module that
`tests.bench.__main__` imports.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from tests.bench.stand import Stand


class Figure(BaseModel):
    """One line of bench.jsonl. `bar`: None where the figure is only told."""

    model_config = ConfigDict(frozen=True)

    metric: str
    parameters: dict[str, int | str]
    value: float
    unit: str
    bar: float | None = None
    better: Literal["lower", "higher"] = "lower"

    @property
    def missed(self) -> bool:
        """Whether the bar is missed."""
        if self.bar is None:
            return False
        return self.value > self.bar if self.better == "lower" else self.value < self.bar


Metric = Callable[[Stand], Awaitable[list[Figure]]]

METRICS: Final[dict[str, Metric]] = {}


def metric(measure: Metric) -> Metric:
    """Register a metric under its function's name."""
    METRICS[measure.__name__] = measure
    return measure
