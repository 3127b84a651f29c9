"""Where the bars of a chart stand, and how long they are."""

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
class Chart:
    """A horizontal bar chart from 0 to the highest end of an interval."""

    title: str
    bars: tuple[Bar, ...]
    width: int = WIDTH
    left: int = LABEL
    """Where the bars begin."""

    @property
    def height(self) -> int:
        """Return the height that the bars need."""
        return self.top(len(self.bars))

    @property
    def scale(self) -> float:
        """Return how long a value of 1 is drawn."""
        most = max((bar.high for bar in self.bars if bar.high == bar.high), default=0) or 1
        return (WIDTH - LABEL - VALUE) / most

    def top(self, row: int) -> int:
        """Return where a row begins."""
        return GAP + row * ROW
