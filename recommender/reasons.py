"""Why an item is in a list: what each source adds to its score, with the evidence from the customer's history."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.candidates import SMOOTH
from recommender.catalogue import Catalogue
from recommender.lists import PINNED
from recommender.models.transitions import SIDES
from recommender.ranker_features import OF_HABITS, SUDDEN
from recommender.ranking import Ranked
from recommender.scorer import entries
from recommender.signals import BESIDE, RETRIEVAL
from recommender.times import DAY
from recommender.values import Reason, ReasonCode

SOURCE_OF = {
    "transitions": (
        "followed",
        "preceded",
        "together",
        "followed_last",
        "next",
        "alike",
        "anchor_followed",
        "anchor_preceded",
        "anchor_together",
        "anchor_alike",
    ),
    "neighbours": ("neighbours", "ease", "anchor_neighbours"),
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
        "anchor_content",
    ),
    "repurchase": (
        *OF_HABITS,
        "due",
        "again",
        "item_gap",
        "touched",
        "touched_last",
    ),
    "popularity": ("popularity", "in_category", "overall", "owners", "price"),
    "trend": ("trend", *SUDDEN),
    "arrivals": ("arrivals", "age"),
}
"""The features that speak for each source; ``rank_…`` and ``…_share`` go with what they are of."""
OF_FALLBACK: Mapping[str, Reason] = {
    "category_popularity": Reason("popular"),
    "popularity": Reason("popular"),
    "arrivals": Reason("new"),
    "catalogue": Reason("catalogue"),
    PINNED: Reason("pinned"),
}
"""The reason of what no ranker put in its place."""
MOST = 3
"""Reasons an item."""
BAND = "price_band:"
"""What the tags of price bands begin with."""


@cache
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
    order = np.stack([lean.get(source, 0.01) / (SMOOTH + rank) for source, rank in proposed.items()])
    return [_reasons(evidence, place, sources) for place, sources in enumerate(_strongest(list(proposed), order))]


def _proposed(found: Ranked, at: NDArray[np.intp], source: str) -> NDArray[np.float32]:
    names = (*RETRIEVAL[source], *BESIDE.get(source, ()))
    ranks = [found.candidates.ranks[name][at] for name in names if name in found.candidates.ranks]
    return np.fmin.reduce(ranks) if ranks else np.full(len(at), np.nan, np.float32)


def _strongest(sources: list[str], order: NDArray[np.float32]) -> list[list[str]]:
    """Return, for each of k items, the sources that proposed it, the weightiest by ``order`` (S × k) first."""
    ranked = np.argsort(-order, axis=0, kind="stable").T.tolist()
    named = np.isfinite(order).sum(axis=0).tolist()
    return [[sources[row] for row in rows[:size]] for rows, size in zip(ranked, named, strict=True)]


def _reasons(evidence: "_Evidence", place: int, sources: list[str]) -> tuple[Reason, ...]:
    found: list[Reason] = []
    for source in sources:
        reason = evidence.reason(source, place)
        if reason is not None and reason not in found:
            found.append(reason)
        if len(found) == MOST:
            break
    return tuple(found) or (Reason("popular"),)


class _Links(NamedTuple):
    """What one side of a model's links says of the customers."""

    origins: csr_array
    """(B × N) the items of theirs that it looks at."""
    table: csr_array
    """(R × N) the links."""
    first: int
    """Its first row in the table."""


class _Evidence:
    """Finds, for the shown items, which item, tag or date stands behind each source."""

    def __init__(self, found: Ranked, catalogue: Catalogue, at: NDArray[np.intp]) -> None:
        self.found, self.catalogue, self.at = found, catalogue, at
        self.customer, self.item = found.candidates.customer[at], found.candidates.item[at]
        models, steps = found.signals.models, found.signals.steps
        neighbours, transitions = models.neighbours, models.transitions
        near, led = neighbours.origins(steps), transitions.origins(steps)
        self.links = {
            "similarity": _Links(near, neighbours.links, 0),
            "ease": _Links(near, neighbours.links, neighbours.items),
        } | {side: _Links(led, transitions.links, n * transitions.items) for n, side in enumerate(SIDES)}
        self.origins: dict[tuple[str, int], dict[int, int]] = {}
        self.finders: dict[str, Callable[[int], Reason | None]] = {
            "transitions": self._transition,
            "neighbours": lambda p: (
                self._linked("similar_to", "similarity", p) or self._linked("similar_to", "ease", p)
            ),
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
            or self._linked("followed", "next", place)
            or self._linked("followed", "forward", place)
            or self._linked("preceded", "backward", place)
            or self._linked("similar_to", "alike", place)
        )

    def _linked(self, code: ReasonCode, name: str, place: int) -> Reason | None:
        """Name the anchor or history item with the strongest link to the shown one."""
        customer = int(self.customer[place])
        if (name, customer) not in self.origins:
            self.origins[name, customer] = self._strongest_links(self.links[name], customer)
        origin = self.origins[name, customer].get(int(self.item[place]))
        return None if origin is None else Reason(code, self.catalogue.items[origin])

    def _strongest_links(self, links: "_Links", customer: int) -> dict[int, int]:
        """Return, for each shown item that something links to, the item with the strongest link."""
        anchors, table = self.found.signals.queries.anchors, links.table
        origin, weight = _row(anchors if anchors.nnz else links.origins, customer)
        inside = origin < table.shape[1]
        origin, weight = origin[inside], weight[inside]
        at, row = entries(table, origin + links.first)
        shown = np.zeros(table.shape[1] + 1, np.bool_)
        shown[np.minimum(self.item[self.customer == customer], table.shape[1])] = True
        wanted = np.flatnonzero(shown[table.indices[at]])
        strength = weight[row[wanted]] * table.data[at[wanted]]
        wanted, strength = wanted[strength > 0], strength[strength > 0]  # a link may also speak against
        ascending = wanted[np.argsort(strength, kind="stable")]
        target, source = table.indices[at[ascending]], origin[row[ascending]]
        return dict(zip(target.tolist(), source.tolist(), strict=True))

    def _tag(self, place: int) -> Reason | None:
        """Name the shared tag that weighs most; a price band has no name that anybody could show."""
        tag = self._tags[place]
        name = self.catalogue.tag_names[tag] if tag >= 0 else BAND
        return None if name.startswith(BAND) else Reason("tag", _plain(name))

    @cached_property
    def _tags(self) -> list[int]:
        signals = self.found.signals
        shared: list[int] = signals.models.content.shared(signals.profiles, self.customer, self.item).tolist()
        return shared

    def _due(self, place: int) -> Reason | None:
        """Name the day on which the customer's usual gap ends."""
        day = self._days[place]
        if np.isnan(day):
            return Reason("because_of_history")
        return Reason("due_again", datetime.fromtimestamp(day, UTC).date().isoformat())

    @cached_property
    def _days(self) -> list[float]:
        """When each shown item is due, in seconds; NaN if it is no habit."""
        habits, now = self.found.signals.habits, self.found.signals.queries.now
        at = habits.places(self.customer, self.item)
        gap = np.append(habits.gap - habits.since, np.nan).astype(np.float64)[at]
        days: list[float] = (now[self.customer] + gap * DAY).tolist()
        return days


def _row(table: csr_array, row: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    part = slice(table.indptr[row], table.indptr[row + 1])
    return table.indices[part], table.data[part]


def _plain(name: str) -> str:
    """Return a tag without its kind: ``camping`` for ``tag:camping``."""
    return name.partition(":")[2] or name
