"""What a benchmark found, next to its bar; and the table of many."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure with the bar it must keep."""

    what: str
    value: float
    unit: str
    bar: float | None = None
    """None where the figure stands beside another one for comparison only."""
    at_least: bool = False
    """The bar is a floor, not a ceiling."""
    parts: str = ""
    """The figures that the value was made of."""

    @property
    def holds(self) -> bool:
        """Return whether the bar is kept; a figure without a bar keeps it."""
        return self.bar is None or (self.value >= self.bar if self.at_least else self.value <= self.bar)

    def cells(self) -> tuple[str, str, str, str, str]:
        """Return the row of a table."""
        bar = "" if self.bar is None else f"{'≥' if self.at_least else '≤'} {_number(self.bar)} {self.unit}"
        verdict = "" if self.bar is None else "holds" if self.holds else "**misses**"
        return self.what, f"{_number(self.value)} {self.unit}", bar, verdict, self.parts


HEADER = ("what", "measured", "bar", "", "from")


def print_table(title: str, rows: Sequence[Measured]) -> None:
    """Print the figures of one benchmark."""
    table = Table(*HEADER, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(cell.replace("**", "") for cell in row.cells()))
    Console().print(table)


def markdown(rows: Sequence[Measured]) -> str:
    """Return the figures as a Markdown table."""
    lines = [HEADER, ("---",) * len(HEADER), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
