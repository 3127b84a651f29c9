"""Every source's answer to a batch of queries, computed once for retrieval, ranking and reasons."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.bundle import Models
from recommender.candidates import Allowed, propose, share
from recommender.models.collaborative import CollaborativeModel
from recommender.models.repurchase import Habits
from recommender.scorer import Scores
from recommender.trail import Trail, heaviest, trail
from recommender.values import Queries

RETRIEVAL = {
    "transitions": ("followed", "preceded", "together"),
    "neighbours": ("neighbours",),
    "collaborative": ("collaborative",),
    "content": ("content",),
    "repurchase": ("lasting", "touched"),
    "popularity": ("popularity", "in_category"),
    "trend": ("trend",),
    "arrivals": ("arrivals",),
}
"""The signals by which each source proposes candidates."""
BESIDE = {
    "transitions": ("anchor_followed", "anchor_together"),
    "neighbours": ("anchor_neighbours",),
    "content": ("anchor_content",),
}
"""The signals by which a source proposes candidates for the items that a page is about."""


TAGS = 25
"""Candidates are looked for under so many of a customer's tags; all of them count in the match."""


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """What the sources say about B queries."""

    models: Models
    queries: Queries
    steps: Trail
    habits: Habits
    profiles: dict[str, csr_array]
    """(B × T) tags by name, matched with the candidates' tags one by one."""
    scores: dict[str, Scores]
    """(B × N) by name, looked up at the candidates."""

    def proposals(self, name: str) -> Scores:
        """Return the (B × N) scores by which the signal ``name`` proposes candidates."""
        models, size = self.models, len(self.queries)
        if name in self.scores:
            return self.scores[name]
        if name in ("content", "anchor_content"):
            profile = self.profiles[name] + self.profiles["stated"] if name == "content" else self.profiles[name]
            return heaviest(profile, TAGS) @ models.content.by_tag
        if name == "lasting":
            return self.habits.matrix(models.repurchase.due(self.habits))
        if name == "arrivals":
            return models.arrivals.score(self.queries)
        vector = models.popularity.trend if name == "trend" else models.popularity.recent
        return np.broadcast_to(vector, (size, len(vector)))

    def proposed(self, name: str, allowed: Allowed, most: int) -> NDArray[np.int32]:
        """Return (B × most) the allowed items that the signal ``name`` puts first, best first, padded with −1."""
        models = self.models
        if name == "arrivals":
            return share(models.arrivals.order, allowed, most)
        if name == "popularity":
            return share(models.popularity.order, allowed, most)
        if name == "trend":
            return share(models.popularity.rising_order, allowed, most)
        return propose(self.proposals(name), allowed, most)


def listen(models: Models, queries: Queries) -> Signals:
    """Ask every source about ``queries``."""
    known, every = models.transitions.forward.shape[0], models.content.tags.shape[0]
    steps = trail(queries.histories, models.transitions.weights, known)
    whole = steps if every == known else trail(queries.histories, models.content.weights, every)
    habits = models.repurchase.habits(queries.histories, queries.now)
    content, collaborative = models.content, models.collaborative
    profiles = {
        "content": content.taste(whole),
        "content_last": content.last(whole),
        "stated": content.stated(queries.tags),
    }
    taste = collaborative.fold_in(collaborative.interest(steps, queries.now))
    scores: dict[str, Scores] = {
        **models.transitions.signals(steps),
        **models.neighbours.signals(steps),
        "collaborative": collaborative.product(taste),
        "in_category": models.popularity.affinity(steps, queries.now) @ models.popularity.by_category,
        "touched": steps.matrix(steps.faded(60.0, queries.now)),
        "touched_last": steps.matrix(steps.last(0.8, 50)),
    }
    if queries.anchors.nnz:
        profiles["anchor_content"] = content.beside(queries.anchors)
        scores |= models.transitions.beside(queries.anchors) | models.neighbours.beside(queries.anchors)
        scores["anchor_collaborative"] = _beside(collaborative, queries.anchors)
    return Signals(models, queries, steps, habits, profiles, scores)


def _beside(model: CollaborativeModel, anchors: csr_array) -> NDArray[np.float32]:
    return model.product(anchors[:, : len(model.factors)] @ model.factors)
