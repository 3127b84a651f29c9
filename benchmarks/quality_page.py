"""Writes docs/quality.md from what ``benchmarks.quality`` measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality_sets import DataSet
from training.bootstrap import Estimate

HEAD = """# How good is the ranking?

`make bench-quality` wrote this page. Every system ranks the whole catalogue for the same customers behind the same
masks; HR, R (recall) and NDCG are means over customers, as `training/metrics.py` defines them, with 95 % intervals from
500 seeded resamplings of the customers. Peers are fitted on all that our models may know when they are asked: training
events and folded-in history.

One configuration, the defaults, serves every data set: what differs between them is found by the training job on its
own validation split.
"""


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table."""

    system: str
    figures: dict[str, Estimate]
    seconds: float
    """To fit and, for ours, to write the bundle."""


def write_page(
    path: Path, found: Sequence[tuple[DataSet, Sequence[Result], Sequence[str]]], cuts: Sequence[int], machine: str
) -> None:
    """Write the page."""
    parts = [HEAD, f"{machine}\n", *(_part(one, results, commands, cuts) for one, results, commands in found)]
    path.write_text("\n".join(parts), encoding="utf-8")


def _part(one: DataSet, results: Sequence[Result], commands: Sequence[str], cuts: Sequence[int]) -> str:
    names = [f"{figure}@{cut}" for cut in cuts for figure in ("HR", "R", "NDCG")]
    lines = [("system", *names, "fit"), ("---",) * (len(names) + 2)]
    lines += [(r.system, *(_cell(r, name) for name in names), f"{r.seconds:.0f} s") for r in results]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    kind = "repeats allowed" if one.repeat else "what was had is masked"
    kind += ", in the truth too" if one.fresh_truth else ""
    bars = "; ".join(_bar(name, bar, results[0]) for name, bar in one.bars.items())
    shown = "\n".join(_named(command) for command in commands)
    return f"## {one.name}\n\n{one.source}; {kind}.\n\n{table}\n\nMust: {bars}.\n\n```\n{shown}\n```\n"


def _cell(result: Result, name: str) -> str:
    one = result.figures[name]
    return f"{one.mean:.4f} ±{(one.high - one.low) / 2:.4f}"


def _bar(name: str, bar: float, ours: Result) -> str:
    reached = ours.figures[name].mean
    return f"{name} ≥ {bar:g} ({'reached' if reached >= bar else f'**missed**, {reached:.4f}'})"


def _named(command: str) -> str:
    """Return a command without this machine's folders."""
    return " ".join(Path(part).name if "/" in part else part for part in command.split())
