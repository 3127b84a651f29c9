"""Writes docs/quality.md from what ``benchmarks.quality`` measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality_sets import DataSet
from training.intervals import Estimate
from training.report import Row

HEAD = """# How good is the ranking?

`make bench-quality` wrote this page. Every system ranks the whole catalogue for the same customers behind the same
masks; HR, R (recall) and NDCG are means over customers, as `training/metrics.py` defines them, with 95 % intervals from
500 seeded resamplings of the customers. Peers are fitted on all that our models may know when they are asked: training
events and folded-in history.

One configuration, the defaults, serves every data set: what differs between them is found by the training job on its
own validation split. `tagalong without tags` is fitted on the same events with the items reduced to their ids.

Cold rows are asked as the table above them. No data set has customers who declared tags: the three tags that mark most
what a customer had (how often times how rare) stand for a declaration, and the events are then hidden. What is hidden
of a customer counts as not had, for us and for popularity. Items without events are a twentieth of the items, drawn
with the seed, whose events are hidden from the fit and from the histories; they are ranked among themselves for the
customers who chose one of them. At most 10,000 customers, drawn with the seed, are asked. `training/study.py` makes
these rows; `tagalong evaluate` shows the same kind for any log, with the tags that its customers declared.
"""

COLD = ("HR@10", "R@10", "NDCG@10")


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table."""

    system: str
    figures: dict[str, Estimate]
    seconds: float
    """To fit and, for ours, to write the bundle."""


@dataclass(frozen=True, slots=True)
class Part:
    """What was measured at one task."""

    one: DataSet
    results: Sequence[Result]
    commands: Sequence[str]
    cold: Sequence[Row]
    tagged: bool
    """The items have tags."""


def write_page(path: Path, found: Sequence[Part], cuts: Sequence[int], machine: str) -> None:
    """Write the page."""
    parts = [HEAD, f"{machine}\n", *(_part(part, cuts) for part in found)]
    path.write_text("\n".join(parts), encoding="utf-8")


def _part(part: Part, cuts: Sequence[int]) -> str:
    one = part.one
    names = [f"{figure}@{cut}" for cut in cuts for figure in ("HR", "R", "NDCG")]
    lines = [(r.system, *(_cell(r.figures[name]) for name in names), f"{r.seconds:.0f} s") for r in part.results]
    kind = "repeats allowed" if one.repeat else "what was had is masked"
    kind += ", in the truth too" if one.fresh_truth else ""
    bars = "; ".join(_bar(name, bar, part.results[0]) for name, bar in one.bars.items())
    shown = "\n".join(_named(command) for command in part.commands)
    words = "" if part.tagged else " The items have no tags, so there is no row without them."
    return (
        f"## {one.name}\n\n{one.source}; {kind}.{words}\n\n{_table(('system', *names, 'fit'), lines)}\n\n"
        f"Must: {bars}.\n\n{_cold(part)}```\n{shown}\n```\n"
    )


def _cold(part: Part) -> str:
    """Return the table of cold customers and, once for each data set, of cold items."""
    lines = [
        (row.group, str(row.customers), row.system, *(_cell(row.figures[name]) for name in COLD)) for row in part.cold
    ]
    words = (
        "" if part.tagged else "Without tags nothing is known of an item without events or of who only declares.\n\n"
    )
    return f"{_table(('cold', 'customers', 'system', *COLD), lines)}\n\n{words}"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ("---",) * len(head), *lines))


def _cell(one: Estimate) -> str:
    return f"{one.mean:.4f} ±{(one.high - one.low) / 2:.4f}"


def _bar(name: str, bar: float, ours: Result) -> str:
    reached = ours.figures[name].mean
    return f"{name} ≥ {bar:g} ({'reached' if reached >= bar else f'**missed**, {reached:.4f}'})"


def _named(command: str) -> str:
    """Return a command without this machine's folders."""
    return " ".join(Path(part).name if "/" in part else part for part in command.split())
