"""Decides whether a new bundle may be published: not if it is worse than what there is, beyond what chance explains."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from typing import Any

from training.appraisal import CUT, RIVAL
from training.report import OURS

FIGURE = f"NDCG@{CUT}"
"""What decides; the other figures are reported."""
DECIDING = ("next", "discovery")
"""What decides: repeats are a part of the next choice, at whose cost they would come."""


FEWEST = 10
"""Held-out customers from which on a difference tells anything; of fewer, resampling knows too little of chance."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to publish, and why not or on what grounds."""

    publish: bool
    reason: str


def judge(new: Mapping[str, Any], current: Mapping[str, Any] | None) -> Verdict:
    """Compare the ``metrics`` of a new manifest with its baselines and with the current bundle's manifest.

    Where both bundles were measured on the same held-out customers the paired difference decides; where the current one
    has seen that window, its own record does, by the difference of the two means (interval: Zou and Donner 2008).
    """
    if not new.get("held_out"):
        return Verdict(True, "there was nothing held out to measure on")
    asked = {task: _customers(new, task) for task in DECIDING}
    tasks = [task for task in DECIDING if asked[task] >= FEWEST]
    if not tasks:
        return Verdict(True, f"{max(asked.values())} held-out customers are too few to judge by, it takes {FEWEST}")
    faults = [fault for task in tasks for fault in (*_against(new, task), *_against_record(new, current, task))]
    if faults:
        return Verdict(False, "; ".join(faults))
    others = _others(new, current, tasks)
    return Verdict(True, f"no worse than {others} on {new['held_out']['customers']} held-out customers")


def figure(metrics: Mapping[str, Any], task: str) -> Mapping[str, float] | None:
    """Return our ``FIGURE`` of a task with its interval, as a manifest's ``metrics`` have it; None where none was."""
    found: Mapping[str, float] | None = metrics.get(task, {}).get("figures", {}).get(OURS, {}).get(FIGURE)
    return found


def _customers(metrics: Mapping[str, Any], task: str) -> int:
    """Return on how many customers a task was measured."""
    found = metrics.get(task, {})
    return int(found.get("customers", metrics.get("held_out", {}).get("customers", 0))) if found else 0


def _against(new: Mapping[str, Any], task: str) -> Iterator[str]:
    for other, figures in new[task].get("against", {}).items():
        if figures[FIGURE]["high"] < 0:
            yield _fault(new, task, f"is {-figures[FIGURE]['mean']:.4f} below {other}, beyond the interval")


def _against_record(new: Mapping[str, Any], current: Mapping[str, Any] | None, task: str) -> Iterator[str]:
    theirs = _record(new, current, task)
    ours = figure(new, task)
    if ours and theirs and surely_below(ours, theirs):
        means = f"{ours['mean']:.4f} is below the current bundle's {theirs['mean']:.4f}"
        yield _fault(new, task, f"{means}, beyond what chance explains")


def _record(new: Mapping[str, Any], current: Mapping[str, Any] | None, task: str) -> Mapping[str, float] | None:
    """Return the current bundle's own figure where it counts: no pairs are at hand, and enough customers were asked."""
    if not current or RIVAL in new[task].get("against", {}) or _customers(current, task) < FEWEST:
        return None
    return figure(current, task)


def surely_below(ours: Mapping[str, float], theirs: Mapping[str, float]) -> bool:
    """Return whether the interval of the difference of two means, made of their own intervals, lies below 0."""
    reach = hypot(ours["high"] - ours["mean"], theirs["mean"] - theirs["low"])
    return ours["mean"] - theirs["mean"] + reach < 0


def _fault(new: Mapping[str, Any], task: str, what: str) -> str:
    return f"{task}: {FIGURE} {what} ({_customers(new, task)} held-out customers)"


def _others(new: Mapping[str, Any], current: Mapping[str, Any] | None, tasks: Sequence[str]) -> str:
    """Return the names of all that the bundle was compared with."""
    names = list(dict.fromkeys(name for task in tasks for name in new[task].get("against", {})))
    compared = RIVAL not in names and any(_record(new, current, task) for task in tasks)
    names += ["the current bundle"] if compared else []
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
