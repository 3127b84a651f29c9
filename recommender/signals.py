"""Every source's answer to a batch of queries, computed once for retrieval, ranking and reasons."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.bundle import Models
from recommender.candidates import Allowed, propose, propose_in_order, propose_sparse
from recommender.models.collaborative import CollaborativeModel
from recommender.models.repurchase import Habits
from recommender.scorer import Scores
from recommender.stack import Stack, together
from recommender.trail import INTEREST, Trail, trail
from recommender.values import Queries

RETRIEVAL = {
    "transitions": ("followed", "preceded", "together", "next", "alike"),
    "neighbours": ("neighbours", "ease"),
    "collaborative": ("collaborative",),
    "content": ("content",),
    "repurchase": ("lasting", "touched"),
    "popularity": ("popularity", "in_category"),
    "trend": ("trend",),
    "arrivals": ("arrivals",),
}
"""The signals by which each source proposes candidates."""
BESIDE = {
    "transitions": ("anchor_followed", "anchor_together", "anchor_alike"),
    "neighbours": ("anchor_neighbours",),
    "content": ("anchor_content",),
}
"""The signals by which a source proposes candidates for the items that a page is about."""


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """What the sources say about B queries."""

    models: Models
    queries: Queries
    steps: Trail
    habits: Habits
    affinity: csr_array
    """(B × C) what share of a customer's interest each category has."""
    profiles: dict[str, csr_array]
    """(B × T) tags by name, matched with the candidates' tags one by one."""
    sparse: Stack
    """The signals that speak of few items."""
    dense: dict[str, NDArray[np.float32]]
    """(B × N) by name, NaN where they cannot say."""

    def proposals(self, name: str) -> Scores:
        """Return the (B × N) scores by which the signal ``name`` proposes candidates."""
        models, size = self.models, len(self.queries)
        if name in self.dense:
            return self.dense[name]
        if name in self.sparse.names:
            return self.sparse.of(name)
        if name in ("content", "anchor_content", "lasting", "in_category"):
            return self._asked(name)
        if name == "arrivals":
            return -models.arrivals.age(self.queries.now)
        vector = models.popularity.trend if name == "trend" else models.popularity.recent
        return np.broadcast_to(vector, (size, len(vector)))

    def _asked(self, name: str, most: int | None = None) -> csr_array:
        """Return (B × N) what is worked out for proposals alone; of long lists the ``most`` best may suffice."""
        models = self.models
        if name == "in_category":
            popularity = models.popularity
            return popularity.leading(self.affinity, most) if most else self.affinity @ popularity.by_category
        if name == "lasting":
            return self.habits.matrix(models.repurchase.due(self.habits))
        profile = self.profiles[name] + self.profiles["stated"] if name == "content" else self.profiles[name]
        return models.content.carriers(profile)

    def proposed(self, names: Sequence[str], allowed: Allowed, most: int) -> dict[str, NDArray[np.int32]]:
        """Return by name the (B × most) allowed items that each signal puts first, best first, padded with −1."""
        orders = self._orders()
        found = {name: propose_in_order(orders[name], allowed, most) for name in names if name in orders}
        found |= {name: propose(self.dense[name], allowed, most) for name in names if name in self.dense}
        found |= self._sparsely([name for name in names if name not in found], allowed, most)
        return {name: found[name] for name in names}

    def _sparsely(self, names: Sequence[str], allowed: Allowed, most: int) -> dict[str, NDArray[np.int32]]:
        """Return the same of the signals that speak of few items, by one cut for all."""
        if not names:
            return {}
        known = [name for name in names if name in self.sparse.names]
        more = {name: self._asked(name, allowed.deep(most)) for name in names if name not in known}
        stack = self.sparse.only(known, [Stack((name,), scores) for name, scores in more.items()])
        rows = propose_sparse(stack.table, stack.customer, allowed, most)
        return dict(zip(stack.names, rows.reshape(len(names), -1, most), strict=True))

    def _orders(self) -> dict[str, NDArray[np.intp]]:
        """Return what is put in one order for everybody."""
        popularity = self.models.popularity
        return {
            "arrivals": self.models.arrivals.order,
            "popularity": popularity.order,
            "trend": popularity.rising_order,
        }


def ask_sources(models: Models, queries: Queries) -> Signals:
    """Ask every source about ``queries``."""
    known, every = models.transitions.items, models.content.tags.shape[0]
    steps = trail(queries.histories, models.weights, known)
    whole = steps if every == known else trail(queries.histories, models.weights, every)
    habits = models.repurchase.habits(queries.histories, queries.now)
    content, collaborative = models.content, models.collaborative
    tags = content.profiles(whole)
    profiles = {name: tags.of(name) for name in tags.names} | {"stated": content.stated(queries.tags)}
    taste = collaborative.fold_in(collaborative.interest(steps))
    stacks = [models.transitions.signals(steps), models.neighbours.signals(steps), *_own(steps, queries.now)]
    dense = {"collaborative": collaborative.product(taste)}
    if queries.anchors.nnz:
        profiles["anchor_content"] = content.beside(queries.anchors)
        stacks += [models.transitions.beside(queries.anchors), models.neighbours.beside(queries.anchors)]
        dense["anchor_collaborative"] = _beside(collaborative, queries.anchors)
    affinity = models.popularity.affinity(steps, queries.now)
    return Signals(models, queries, steps, habits, affinity, profiles, together(stacks), dense)


def _own(steps: Trail, now: NDArray[np.int64]) -> list[Stack]:
    """Return what the customers turned to themselves."""
    found = {
        "touched": steps.matrix(steps.faded(INTEREST, now)),
        "touched_last": steps.matrix(steps.last(0.8, 50)),
    }
    return [Stack((name,), table) for name, table in found.items()]


def _beside(model: CollaborativeModel, anchors: csr_array) -> NDArray[np.float32]:
    return model.product(anchors[:, : len(model.factors)] @ model.factors)
