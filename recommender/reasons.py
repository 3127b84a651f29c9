"""Why an item is in a list: what each source adds to its score, with the evidence from the customer's history."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.candidates import SMOOTH
from recommender.catalogue import Catalogue
from recommender.ranking import Ranked
from recommender.signals import BESIDE, RETRIEVAL
from recommender.trail import DAY, heaviest
from recommender.values import Reason

SOURCE_OF = {
    "transitions": (
        "followed",
        "preceded",
        "together",
        "followed_last",
        "anchor_followed",
        "anchor_preceded",
        "anchor_together",
    ),
    "neighbours": ("neighbours", "anchor_neighbours"),
    "collaborative": ("collaborative", "anchor_collaborative"),
    "content": (
        "content",
        "content_last",
        "stated",
        "category",
        "category_idle",
        "top",
        "brand",
        "price_distance",
        "in_category",
        "anchor_content",
    ),
    "repurchase": (
        "times",
        "fresh",
        "lasting",
        "share",
        "since",
        "gap",
        "back",
        "ratio",
        "rate",
        "due",
        "again",
        "item_gap",
        "touched",
        "touched_last",
    ),
    "popularity": ("popularity", "overall", "owners", "price"),
    "trend": ("trend",),
    "arrivals": ("arrivals", "age"),
}
"""The features that speak for each source; ``rank_…`` and ``…_share`` go with what they are of."""
MOST = 3
"""Reasons an item."""


def source_of(feature: str) -> str:
    """Return the source that a feature speaks for, ``customer`` where it is about the customer alone."""
    plain = feature.removeprefix("rank_")
    for name in (plain, plain.removesuffix("_share")):
        for source, names in SOURCE_OF.items():
            if name in names:
                return source
    return "customer"


def source_contributions(found: Ranked, at: NDArray[np.intp]) -> list[dict[str, float]]:
    """Return, for the candidates ``at``, what each source adds to the score."""
    if found.ranker is None or not len(at):
        return [{} for _ in at]
    parts = found.ranker.contributions(found.features[at])
    sources = [source_of(name) for name in found.ranker.features]
    names = sorted(set(sources))
    code = np.array([names.index(s) for s in sources])
    sums = np.stack([parts[:, code == c].sum(axis=1) for c in range(len(names))], axis=1)
    return [dict(zip(names, map(float, row), strict=True)) for row in sums.tolist()]


def why(found: Ranked, catalogue: Catalogue, at: NDArray[np.intp]) -> list[tuple[Reason, ...]]:
    """Return up to ``MOST`` reasons for each of the candidates ``at``, that of the source which put it highest first.

    A source counts by how much the ranker leans on it and how high it put the item; the exact shares, which take ten
    times as long, are ``source_contributions``.
    """
    evidence = _Evidence(found, catalogue, at)
    proposed = {source: _proposed(found, at, source) for source in RETRIEVAL}
    lean = found.ranker.weight_by(source_of) if found.ranker is not None else {}
    order = {source: lean.get(source, 0.01) / (SMOOTH + rank) for source, rank in proposed.items()}
    return [_reasons(evidence, place, _strongest(order, place)) for place in range(len(at))]


def _proposed(found: Ranked, at: NDArray[np.intp], source: str) -> NDArray[np.float32]:
    names = (*RETRIEVAL[source], *BESIDE.get(source, ()))
    ranks = [found.candidates.ranks[name][at] for name in names if name in found.candidates.ranks]
    return np.fmin.reduce(ranks) if ranks else np.full(len(at), np.nan, np.float32)


def _strongest(order: dict[str, NDArray[np.float32]], place: int) -> list[str]:
    """Return the sources that proposed the item, the weightiest first."""
    named = [source for source in order if np.isfinite(order[source][place])]
    return sorted(named, key=lambda source: -float(order[source][place]))


def _reasons(evidence: "_Evidence", place: int, sources: list[str]) -> tuple[Reason, ...]:
    found = (evidence.reason(source, place) for source in sources)
    return tuple(dict.fromkeys(reason for reason in found if reason is not None))[:MOST] or (Reason("popular"),)


class _Evidence:
    """Finds, for the shown items, which item, tag or date stands behind each source."""

    def __init__(self, found: Ranked, catalogue: Catalogue, at: NDArray[np.intp]) -> None:
        self.found, self.catalogue, self.at = found, catalogue, at
        self.customer, self.item = found.candidates.customer[at], found.candidates.item[at]
        models, steps = found.signals.models, found.signals.steps
        self.recent = heaviest(steps.recent(0.8, 20), 50)
        transitions = models.transitions
        self.links = {
            "together": transitions.together,
            "forward": transitions.forward,
            "backward": transitions.backward,
            "similarity": models.neighbours.similarity,
        }
        self.origins: dict[tuple[str, int], dict[int, int]] = {}
        self.finders: dict[str, Callable[[int], Reason | None]] = {
            "transitions": self._transition,
            "neighbours": lambda p: self._linked("similar_to", "similarity", p),
            "collaborative": lambda p: Reason("because_of_history"),
            "content": self._tag,
            "repurchase": self._due,
            "popularity": lambda p: Reason("popular"),
            "trend": lambda p: Reason("trending"),
            "arrivals": lambda p: Reason("new"),
        }

    def reason(self, source: str, place: int) -> Reason | None:
        """Return the reason of one source for the shown item ``place``, or None if no evidence is left."""
        return self.finders[source](place)

    def _transition(self, place: int) -> Reason | None:
        return (
            self._linked("bought_together", "together", place)
            or self._linked("followed", "forward", place)
            or self._linked("followed", "backward", place)
        )

    def _linked(self, code: str, name: str, place: int) -> Reason | None:
        """Name the anchor or history item with the strongest link to the shown one."""
        customer = int(self.customer[place])
        if (name, customer) not in self.origins:
            self.origins[name, customer] = self._strongest_links(self.links[name], customer)
        origin = self.origins[name, customer].get(int(self.item[place]))
        return None if origin is None else Reason(code, self.catalogue.items[origin])

    def _strongest_links(self, links: csr_array, customer: int) -> dict[int, int]:
        """Return, for each shown item that is linked at all, the item with the strongest link to it."""
        anchors = self.found.signals.queries.anchors
        origin, weight = _row(anchors if anchors.nnz else self.recent, customer)
        inside = origin < links.shape[0]
        origin, weight = origin[inside], weight[inside]
        size = links.indptr[origin + 1] - links.indptr[origin]
        start = np.repeat(links.indptr[origin] - np.concatenate([[0], np.cumsum(size)[:-1]]), size)
        at = np.arange(len(start)) + start
        shown = np.zeros(links.shape[1] + 1, np.bool_)
        shown[np.minimum(self.item[self.customer == customer], links.shape[1])] = True
        wanted = np.flatnonzero(shown[links.indices[at]])
        strength = np.repeat(weight, size)[wanted] * links.data[at[wanted]]
        ascending = wanted[np.argsort(strength, kind="stable")]
        target, source = links.indices[at[ascending]], np.repeat(origin, size)[ascending]
        return dict(zip(target.tolist(), source.tolist(), strict=True))

    def _tag(self, place: int) -> Reason | None:
        """Name the shared tag that weighs most."""
        signals, item, customer = self.found.signals, int(self.item[place]), int(self.customer[place])
        tags, weight = _row(signals.models.content.tags, item)
        total = np.zeros(len(tags), np.float32)
        for profile in signals.profiles.values():
            own, value = _row(profile, customer)
            match = np.isin(own, tags)
            total[np.searchsorted(np.sort(tags), own[match])] += value[match]
        score = total * weight[np.argsort(tags)]
        return (
            Reason("tag", _plain(self.catalogue.tag_names[int(np.sort(tags)[score.argmax()])])) if score.any() else None
        )

    def _due(self, place: int) -> Reason | None:
        """Name the day on which the customer's usual gap ends."""
        habits = self.found.signals.habits
        at = np.flatnonzero((habits.customer == self.customer[place]) & (habits.item == self.item[place]))
        if not len(at):
            return Reason("because_of_history")
        now = self.found.signals.queries.now[self.customer[place]]
        day = float(now) + float(habits.gap[at[0]] - habits.since[at[0]]) * DAY
        return Reason("due_again", datetime.fromtimestamp(day, UTC).date().isoformat())


def _row(table: csr_array, row: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    part = slice(table.indptr[row], table.indptr[row + 1])
    return table.indices[part], table.data[part]


def _plain(name: str) -> str:
    """Return a tag without its kind: ``camping`` for ``tag:camping``."""
    return name.partition(":")[2] or name
