"""What an evaluation found: plain values that a table, a JSON file or a page can show."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from training.intervals import Estimate

Task = Literal["next", "repeat", "discovery"]
TASKS: tuple[Task, ...] = ("next", "repeat", "discovery")
TASK_TITLES: Mapping[Task, str] = {
    "next": "Next choice: one list, what was had may come again (the protocol of published tables)",
    "repeat": "Repeat: what the customer had before and chose again",
    "discovery": "Discovery: what the customer chose for the first time; what they had is in neither list nor truth",
}

OURS = "tagalong"


@dataclass(frozen=True, slots=True)
class Row:
    """How one system did at one task."""

    system: str
    task: Task
    customers: int
    figures: Mapping[str, Estimate]
    """By name, such as ``NDCG@10``; coverage has no interval."""
    group: str = "all"
    """Which customers: all, or those of one bucket of history lengths."""


@dataclass(frozen=True, slots=True)
class SourceShare:
    """What one source of candidates contributed to our lists."""

    task: Task
    source: str
    places: float
    """Share of the places that it filled."""
    hits: float
    """Share of the hits that were its."""
    precision: float
    """Hits a place; NaN where it filled none."""


@dataclass(frozen=True, slots=True)
class Report:
    """One evaluation."""

    protocol: str
    about: Mapping[str, Any]
    """Sizes, moments, seed, versions: what is needed to do it again."""
    ks: tuple[int, ...]
    rows: tuple[Row, ...]
    buckets: tuple[Row, ...] = ()
    sources: tuple[SourceShare, ...] = ()
    cold: tuple[Row, ...] = ()
    """Cold items and cold users; ``group`` says which."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """How long each step took."""

    def row(self, task: Task, system: str = OURS) -> Row | None:
        """Return how ``system`` did at ``task``."""
        return next((row for row in self.rows if row.task == task and row.system == system), None)

    @property
    def main(self) -> int:
        """The cut that stands for all: 10, or the longest."""
        return 10 if 10 in self.ks else max(self.ks)

    def to_json(self) -> str:
        """Return the report as JSON; what is not a number is null."""
        return json.dumps(_finite(asdict(self)), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    match value:
        case float():
            return round(value, 6) if math.isfinite(value) else None
        case Mapping():
            return {key: _finite(part) for key, part in value.items()}
        case list() | tuple():
            return [_finite(part) for part in value]
    return value


def pivot(rows: Sequence[Row], name: str) -> tuple[list[str], dict[tuple[str, int], dict[str, Estimate]]]:
    """Return the systems, and for each group of customers and its size what every system reached in one figure."""
    cells: dict[tuple[str, int], dict[str, Estimate]] = {}
    for row in rows:
        cells.setdefault((row.group, row.customers), {})[row.system] = row.figures[name]
    return list(dict.fromkeys(row.system for row in rows)), cells
