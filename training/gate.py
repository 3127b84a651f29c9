"""Decides whether a new bundle may be published: not if it is worse than what there is, beyond what chance explains."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from training.appraisal import CUT, RIVAL
from training.report import OURS

FIGURE = f"NDCG@{CUT}"
"""What decides; the other figures are reported."""
DECIDING = ("next", "discovery")
"""What decides: repeats are a part of the next choice, at whose cost they would come."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to publish, and why not or on what grounds."""

    publish: bool
    reason: str


def judge(new: Mapping[str, Any], current: Mapping[str, Any] | None) -> Verdict:
    """Compare the ``metrics`` of a new manifest with its baselines and with the current bundle's manifest.

    Where both bundles were measured on the same held-out customers the paired difference decides; where the current one
    has seen that window, its own record does: it is better if its interval lies above the new one's.
    """
    if not new.get("held_out"):
        return Verdict(True, "there was nothing held out to measure on")
    faults = [*_against(new), *(_against_record(new, current) if current else ())]
    if faults:
        return Verdict(False, "; ".join(faults))
    return Verdict(True, f"no worse than {_others(new, current)} on {new['held_out']['customers']} held-out customers")


def _against(new: Mapping[str, Any]) -> Iterator[str]:
    for task in DECIDING:
        for other, figures in new.get(task, {}).get("against", {}).items():
            if figures[FIGURE]["high"] < 0:
                yield f"{task}: {FIGURE} is {-figures[FIGURE]['mean']:.4f} below {other}, beyond the interval"


def _against_record(new: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[str]:
    for task in DECIDING:
        if RIVAL in new.get(task, {}).get("against", {}):
            continue
        ours, theirs = (one.get(task, {}).get("figures", {}).get(OURS, {}).get(FIGURE) for one in (new, current))
        if ours and theirs and ours["high"] < theirs["low"]:
            means = f"{ours['mean']:.4f} is below the current bundle's {theirs['mean']:.4f}"
            yield f"{task}: {FIGURE} {means}, beyond both intervals"


def _others(new: Mapping[str, Any], current: Mapping[str, Any] | None) -> str:
    names = list(dict.fromkeys(name for task in DECIDING for name in new.get(task, {}).get("against", {})))
    names += ["the current bundle"] if current and RIVAL not in names else []
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
