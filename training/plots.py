"""Where the bars of a chart stand, and how long they are."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, LABEL, VALUE = 640, 190, 64
"""Of the whole chart, and what of it is for the labels and for the values."""
ROW, GAP = 24, 6
"""Height of a bar with the gap below it, and the gap above the first one."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One system's value with its interval."""

    label: str
    value: float
    low: float
    high: float
    ours: bool = False
    """Drawn in the accent colour."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A bar that begins at (``left``, ``top``), and how far its end and those of its whisker are from there."""

    bar: Bar
    top: int
    width: float
    low: float
    high: float
    left: int = LABEL


@dataclass(frozen=True, slots=True)
class Chart:
    """A horizontal bar chart."""

    title: str
    drawn: tuple[Drawn, ...]
    width: int = WIDTH

    @property
    def height(self) -> int:
        """Return the height that the bars need."""
        return len(self.drawn) * ROW + GAP


def chart(title: str, bars: Sequence[Bar]) -> Chart:
    """Return a chart of ``bars`` from 0 to the highest end of an interval; NaN where a value is none."""
    most = max((bar.high for bar in bars if bar.high == bar.high), default=0) or 1
    scale = (WIDTH - LABEL - VALUE) / most
    drawn = (
        Drawn(bar, GAP + at * ROW, scale * bar.value, scale * bar.low, scale * bar.high) for at, bar in enumerate(bars)
    )
    return Chart(title, tuple(drawn))
