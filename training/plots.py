"""Plots as inline SVG: bars with their intervals; no library, no network."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 640
LABEL = 190
BAR = 18
GAP = 6
SPACE_FOR_VALUE = 64


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, from 0 to ``value``, with a whisker from ``low`` to ``high``."""

    label: str
    value: float
    low: float
    high: float
    ours: bool = False
    """Drawn in the accent colour."""


def bars(title: str, drawn: Sequence[Bar]) -> str:
    """Return a horizontal bar chart; values that are not numbers are drawn as nothing."""
    most = max((bar.high for bar in drawn if bar.high == bar.high), default=0) or 1
    scale = (WIDTH - LABEL - SPACE_FOR_VALUE) / most
    height = len(drawn) * (BAR + GAP) + GAP
    marks = "".join(_bar(bar, GAP + at * (BAR + GAP), scale) for at, bar in enumerate(drawn))
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">{marks}</svg></figure>'
    )


def _bar(bar: Bar, top: float, scale: float) -> str:
    middle = top + BAR / 2
    text = f'<text x="{LABEL - 8}" y="{middle + 4}" class="label">{escape(bar.label)}</text>'
    if bar.value != bar.value:
        return text
    width, low, high = (LABEL + scale * part for part in (bar.value, bar.low, bar.high))
    kind = "ours" if bar.ours else "theirs"
    whisker = f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8"/>'
    return (
        f'{text}<rect x="{LABEL}" y="{top}" width="{max(width - LABEL, 0):.1f}" height="{BAR}" rx="2" class="{kind}"/>'
        f"{whisker if bar.high > bar.low else ''}"
        f'<text x="{max(width, high) + 6:.1f}" y="{middle + 4}" class="value">{bar.value:.4f}</text>'
    )
