"""Behaviour that becomes customer tags: the same rules over years of history and over the last minute's events."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue import Catalogue
from recommender.config import Config, TagRule
from recommender.times import DAY
from recommender.values import EventType, Histories

Matching = Callable[[str], NDArray[np.bool_]]
"""From a filter expression to (N,) the items that it matches."""


@dataclass(frozen=True, slots=True, eq=False)
class TagRules:
    """R rules, each with the items that it is about."""

    settings: tuple[TagRule, ...]
    matches: tuple[NDArray[np.bool_], ...]
    """One mask (N,) a rule."""
    counts: NDArray[np.bool_]
    """(R × event types) which events each rule counts."""

    @classmethod
    def over(cls, settings: Sequence[TagRule], catalogue: Catalogue, matching: Matching) -> "TagRules":
        """Find the items of each rule."""
        every = np.ones(len(catalogue), np.bool_)
        masks = tuple(matching(rule.when) if rule.when else every for rule in settings)
        counts = np.zeros((len(settings), len(EventType)), np.bool_)
        for row, rule in enumerate(settings):
            counts[row, [EventType[name.upper()] for name in rule.events]] = True
        return cls(tuple(settings), masks, counts)

    def __len__(self) -> int:
        """Return the number of rules."""
        return len(self.settings)


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Where one rule held last: one entry a customer for whom it ever did."""

    customer: NDArray[np.int32]
    time: NDArray[np.int64]
    """Of the event that made the rule hold, seconds since 1970."""
    evidence: NDArray[np.int32]
    """(entries × count) item rows of the events that the rule counted, oldest first."""


def held(rules: TagRules, row: int, histories: Histories) -> Held:
    """Return where rule ``row`` held last.

    The ``count``-th matching event after another is one shift away, so a rule costs a few array operations however
    many customers there are.
    """
    rule = rules.settings[row]
    at = np.flatnonzero(rules.counts[row][histories.event])
    customer = np.searchsorted(histories.indptr, at, side="right") - 1
    hit = np.flatnonzero(rules.matches[row][histories.item[at]])
    first, last = hit[: max(len(hit) - rule.count + 1, 0)], hit[rule.count - 1 :]
    holds = customer[first] == customer[last]
    if (within := rule.count if rule.in_a_row else rule.within_events) is not None:
        holds &= last - first < within
    if rule.within_days is not None:
        holds &= histories.time[at[last]] - histories.time[at[first]] <= rule.within_days * DAY
    ends = np.flatnonzero(holds)
    ends = ends[np.diff(customer[last[ends]], append=-1) != 0]
    steps = at[hit[ends[:, None] + np.arange(rule.count)]]
    return Held(customer[last[ends]].astype(np.int32), histories.time[steps[:, -1]], histories.item[steps])


@dataclass(frozen=True, slots=True)
class CustomerTag:
    """One tag of one customer and where it comes from."""

    name: str
    weight: float
    """At the time of asking: what it was when given, faded since."""
    provenance: str
    """``declared``, ``hand``, ``rule`` or ``derived``."""
    since: int
    """When it was given or its rule last held, seconds since 1970."""
    rule: str | None = None
    """The rule as it is written, or the tag that brought this one."""
    evidence: tuple[str, ...] = ()
    """The items whose events made the rule hold."""
    origin: str | None = None
    """Of a derived tag: the provenance of the one that it goes back to."""


def describe(rule: TagRule) -> str:
    """Return a rule in words: ``3 view_item in a row where category under 'Outdoor'``."""
    parts = [str(rule.count), "|".join(rule.events)]
    parts += [f"within {rule.within_events} events"] if rule.within_events else []
    parts += [f"within {rule.within_days:g} days"] if rule.within_days else []
    parts += ["in a row"] if rule.in_a_row else []
    return " ".join(parts + ([f"where {rule.when}"] if rule.when else []))


@dataclass(frozen=True, slots=True)
class Earned:
    """A tag and the rule that gave it."""

    tag: CustomerTag
    rule: TagRule


def latest(
    rules: TagRules, histories: Histories, now: NDArray[np.int64], catalogue: Catalogue
) -> list[dict[str, Earned]]:
    """Return what the rules say of each customer at ``now`` (B,): the heaviest tag of each name."""
    found: list[dict[str, Earned]] = [{} for _ in range(len(histories))]
    for row, rule in enumerate(rules.settings):
        where = held(rules, row, histories)
        weight = _faded(rule, now[where.customer] - where.time)
        for at in np.flatnonzero(weight):
            items = tuple(dict.fromkeys(catalogue.items[int(i)] for i in where.evidence[at]))
            tag = CustomerTag(rule.tag, float(weight[at]), "rule", int(where.time[at]), describe(rule), items)
            known = found[where.customer[at]]
            before = known.get(rule.tag)
            if outweighs(tag, before and before.tag):
                known[rule.tag] = Earned(tag, rule)
    return found


def _faded(rule: TagRule, age: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what is left of the rule's weight ``age`` seconds after it held; 0 where it has expired."""
    left = rule.weight * np.exp2(-np.maximum(age, 0) / DAY / rule.half_life_days)
    return np.where(age <= rule.expires_days * DAY, left, 0)


def outweighs(tag: CustomerTag, other: CustomerTag | None) -> bool:
    """Return whether ``tag`` stands in the place of the ``other`` of its name: the heavier one wins."""
    return other is None or other.weight < tag.weight


def with_derived(tags: Mapping[str, CustomerTag], brings: Mapping[str, Mapping[str, float]]) -> dict[str, CustomerTag]:
    """Return ``tags`` and what they bring, directly and through others; the heavier of one name wins.

    ``brings`` gives the share of its weight that a tag hands on to each tag that it brings.
    """
    every = dict(tags)
    fringe = list(tags.values())
    while fringe:
        parent = fringe.pop()
        for name, share in brings.get(parent.name, {}).items():
            child = replace(
                parent,
                name=name,
                weight=parent.weight * share,
                provenance="derived",
                rule=parent.name,
                origin=parent.origin or parent.provenance,
            )
            if outweighs(child, every.get(name)):
                every[name] = child
                fringe.append(child)
    return every


def declared_brings(config: Config) -> dict[str, dict[str, float]]:
    """Return which tags the configuration lets bring which, with their shares."""
    brings: dict[str, dict[str, float]] = {}
    for derived in config.derived_tags:
        brings.setdefault(derived.tag, {}).update(dict.fromkeys(derived.brings, derived.weight))
    return brings


def heaviest(tags: Mapping[str, CustomerTag], most: int) -> tuple[CustomerTag, ...]:
    """Return at most ``most`` tags, the heaviest first, ties by name."""
    return tuple(sorted(tags.values(), key=lambda t: (-t.weight, t.name))[:most])
