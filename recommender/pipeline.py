"""From queries to lists: retrieve, rank, rule, fall back, explain."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recommender.bundle import Bundle
from recommender.config import Placement
from recommender.lists import PINNED, SOURCES, Ordered, cut, filled, pinned_and_boosted
from recommender.policy import Rules
from recommender.ranking import Ranked, allowed_by, ranked, ranked_given
from recommender.reasons import OF_FALLBACK, source_contributions, why
from recommender.scorer import dense
from recommender.signals import RETRIEVAL
from recommender.values import Queries, Reason, Recommendation, Scored

FEWEST, MOST, CELLS = 8, 64, 4_500_000
"""Size of a block: at most ``CELLS`` scores (customers × items) are held at once, within ``FEWEST`` to ``MOST``
customers. A third of it takes a tenth to a third longer, twice of it no less."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where one item stands for one customer, and why."""

    rank: int | None
    """From 1, before diversity: pins first, then the candidates by their scores as boosted.

    None if no source proposed the item or a rule dropped it.
    """
    allowed: bool
    """False if the rules drop the item; which one is for the rules' owner to say."""
    score: float | None
    """Of the ranker."""
    signals: Mapping[str, float]
    """Each source's own score, on its own scale; absent where it cannot say."""
    contributions: Mapping[str, float]
    """What each source adds to the ranker's score."""
    reasons: tuple[Reason, ...]


def at_once(items: int) -> int:
    """Return how many customers are best worked on together over so many items."""
    return min(max(CELLS // max(items, 1), FEWEST), MOST)


def order(bundle: Bundle, placement: Placement, queries: Queries, rules: Rules) -> Ordered:
    """Return the lists of B customers without reasons."""
    return Ordered.joined([_lists(bundle, placement, part, rule)[0] for part, rule in _blocks(queries, rules)])


def order_with_reasons(
    bundle: Bundle, placement: Placement, queries: Queries, rules: Rules
) -> tuple[Ordered, list[tuple[Reason, ...]]]:
    """Return the lists of B customers, and the reasons of all items of the first list, then of the second, and on."""
    made = [_lists(bundle, placement, part, rule) for part, rule in _blocks(queries, rules)]
    answers = [answer for lists, found in made for answer in _explained(bundle, lists, found, decompose=False)]
    return Ordered.joined([lists for lists, _ in made]), [one.reasons for answer in answers for one in answer.items]


def recommend(
    bundle: Bundle, placement: Placement, queries: Queries, rules: Rules, *, contributions: bool = False
) -> list[Recommendation]:
    """Return the lists of B customers, every item with its reasons; with ``contributions``, each source's share too.

    Contributions cost several times what the list itself does.
    """
    blocks = (_lists(bundle, placement, part, rule) for part, rule in _blocks(queries, rules))
    return [answer for lists, found in blocks for answer in _explained(bundle, lists, found, contributions)]


def rank(bundle: Bundle, placement: Placement, queries: Queries, items: NDArray[np.int32]) -> Ordered:
    """Return the given ``items`` (k,) in the order of each customer's taste; nothing is added, dropped or ruled."""
    every = Rules.none(len(queries), len(bundle.catalogue), max(len(items), 1))
    parts = [
        cut(bundle.catalogue, ranked_given(bundle, placement, part, rules, items), rules)
        for part, rules in _blocks(queries, every)
    ]
    return Ordered.joined(parts)


def explain(bundle: Bundle, placement: Placement, queries: Queries, rules: Rules, item_row: int) -> Explanation:
    """Return where ``item_row`` ranks for the one customer of ``queries``, each source's share, and the reasons."""
    found = ranked(bundle, placement, queries, rules, always=np.array([item_row], np.int32))
    at = np.flatnonzero(found.candidates.item == item_row)
    allowed = allowed_by(queries, rules).table[0]
    signals = _raw(found, item_row)
    proposed = any(np.isfinite(rank[at]).any() for rank in found.candidates.ranks.values())
    pinned = (OF_FALLBACK[PINNED],) if item_row in rules.pins else ()
    if not allowed[item_row] or not (proposed or pinned):
        return Explanation(None, bool(allowed[item_row]), None, signals, {}, ())
    place = np.flatnonzero(pinned_and_boosted(found, rules)[0][0] == item_row)
    rank = int(place[0]) + 1 if len(place) else None
    if not proposed:
        return Explanation(rank, True, None, signals, {}, pinned)
    return Explanation(
        rank,
        True,
        float(found.score[at[0]]),
        signals,
        source_contributions(found, at)[0],
        pinned or why(found, bundle.catalogue, at)[0],
    )


def _blocks(queries: Queries, rules: Rules) -> Iterator[tuple[Queries, Rules]]:
    size = at_once(len(rules.eligible))
    if len(queries) <= size:
        yield queries, rules
        return
    for at in range(0, len(queries), size):
        rows = np.arange(at, min(at + size, len(queries)))
        yield queries.take(rows), replace(rules, excluded=rules.excluded[rows])


def _lists(bundle: Bundle, placement: Placement, queries: Queries, rules: Rules) -> tuple[Ordered, Ranked]:
    found = ranked(bundle, placement, queries, rules)
    return filled(bundle, placement, found, rules, cut(bundle.catalogue, found, rules)), found


def _explained(bundle: Bundle, lists: Ordered, found: Ranked, decompose: bool) -> list[Recommendation]:
    """Attach reasons; only what the ranker put in its place is decomposed."""
    at = found.candidates.places(lists.rows)
    shown = (at >= 0) & (lists.source != SOURCES.index(PINNED))
    contributions = source_contributions(found, at[shown]) if decompose else [{} for _ in range(int(shown.sum()))]
    reasons = why(found, bundle.catalogue, at[shown])
    by_place = np.full(lists.rows.shape, -1)
    by_place[shown] = np.arange(int(shown.sum()))
    return [_answer(lists, row, by_place[row], contributions, reasons) for row in range(len(lists.rows))]


def _answer(
    lists: Ordered,
    row: int,
    place: NDArray[np.intp],
    contributions: list[dict[str, float]],
    reasons: list[tuple[Reason, ...]],
) -> Recommendation:
    items = []
    for column in np.flatnonzero(lists.rows[row] >= 0):
        at, source = place[column], lists.source_name(row, column)
        because = reasons[at] if at >= 0 else (OF_FALLBACK[source],)
        parts = contributions[at] if at >= 0 else {}
        items.append(Scored(int(lists.rows[row, column]), float(lists.score[row, column]), source, because, parts))
    return Recommendation(tuple(items), lists.fallback_name(row))


def _raw(found: Ranked, item_row: int) -> dict[str, float]:
    """Return each source's own score of one item for the first customer: that of its first signal that can say."""
    raw: dict[str, float] = {}
    for source, names in RETRIEVAL.items():
        for scores in (dense(found.signals.proposals(name)) for name in names):
            if source not in raw and item_row < scores.shape[1] and np.isfinite(scores[0, item_row]):
                raw[source] = float(scores[0, item_row])
    return raw
