"""From behaviour to the tags of customers, and from tags to the catalogue's vocabulary that ranking understands."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from features.tag_rules import (
    CustomerTag,
    TagRules,
    declared_brings,
    heaviest,
    latest,
    outweighs,
    with_derived,
)
from features.tags import tag_rows
from recommender.catalogue import Catalogue
from recommender.config import Config
from recommender.errors import FilterError
from recommender.filters import compile_filter
from recommender.values import Histories

Vector = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Columns of the catalogue's tag vocabulary, and their weights."""
DIMENSIONS = 12
"""Vocabulary entries that stand for a tag which the vocabulary lacks."""


@dataclass(frozen=True, slots=True, eq=False)
class Tagging:
    """The rules of one shop over one catalogue."""

    catalogue: Catalogue
    rules: TagRules
    brings: Mapping[str, Mapping[str, float]]
    """Which tags a tag brings, each with the share of its weight that it gets."""
    most: int
    """Tags of one customer."""
    vector: Callable[[str], Vector]
    """What a tag's name means in the catalogue's vocabulary."""


def tagging(catalogue: Catalogue, config: Config, learned: Mapping[str, Mapping[str, float]] | None = None) -> Tagging:
    """Prepare the rules of ``config``; one that asks for what this catalogue does not know matches nothing.

    ``learned`` says which tags were found together in training; what the configuration says of a tag stands above it.
    """
    rules = TagRules.over(config.tag_rules, catalogue, partial(matches, catalogue))
    vector = lru_cache(4_096)(partial(_vector, catalogue, rules))
    brings = {**(learned or {}), **declared_brings(config)}
    return Tagging(catalogue, rules, brings, config.live.tags, vector)


def matches(catalogue: Catalogue, when: str) -> NDArray[np.bool_]:
    """Return (N,) the items that an expression is about; none where it cannot be asked of this catalogue."""
    try:
        return compile_filter(when, catalogue)
    except FilterError:
        return np.zeros(len(catalogue), np.bool_)


def _vector(catalogue: Catalogue, rules: TagRules, tag: str) -> Vector:
    """Return the tag itself where items carry it, else the strongest common traits of its rule's items."""
    row = int(tag_rows([tag], catalogue.tag_names)[0])
    if row >= 0:
        return np.array([row], np.int32), np.ones(1, np.float32)
    matches = [mask for rule, mask in zip(rules.settings, rules.matches, strict=True) if rule.tag == tag]
    if not matches or not (items := np.flatnonzero(np.logical_or.reduce(matches))).size:
        return np.zeros(0, np.int32), np.zeros(0, np.float32)
    mean = catalogue.tags[items].sum(axis=0) / len(items)
    best = np.argsort(-mean, kind="stable")[:DIMENSIONS]
    best = best[mean[best] > 0]
    return best.astype(np.int32), (mean[best] / max(float(np.linalg.norm(mean[best])), 1e-12)).astype(np.float32)


def tags_of(
    tagging: Tagging,
    histories: Histories,
    given: Sequence[Sequence[CustomerTag]],
    muted: Sequence[frozenset[str]],
    now: int,
) -> list[tuple[CustomerTag, ...]]:
    """Return each customer's tags at ``now``: given, earned and brought, without the muted, the heaviest first."""
    found = latest(tagging.rules, histories, np.full(len(histories), now, np.int64), tagging.catalogue)
    earned = [{name: each.tag for name, each in customer.items()} for customer in found]
    return [_one(tagging, *customer) for customer in zip(earned, given, muted, strict=True)]


def _one(
    tagging: Tagging, earned: Mapping[str, CustomerTag], given: Sequence[CustomerTag], muted: frozenset[str]
) -> tuple[CustomerTag, ...]:
    known = dict(earned)
    for tag in given:
        if outweighs(tag, known.get(tag.name)):
            known[tag.name] = tag
    unmuted = {name: tag for name, tag in known.items() if name not in muted}
    every = with_derived(unmuted, tagging.brings)
    return heaviest({name: tag for name, tag in every.items() if name not in muted}, tagging.most)


def vectors(tagging: Tagging, tags: Sequence[Sequence[CustomerTag]]) -> csr_array:
    """Return (B × T) the tags of B customers in the catalogue's vocabulary."""
    parts = [(b, *tagging.vector(tag.name), tag.weight) for b, customer in enumerate(tags) for tag in customer]
    row = np.concatenate([np.zeros(0, np.int64), *(np.full(len(columns), b) for b, columns, _, _ in parts)])
    column = np.concatenate([np.zeros(0, np.int32), *(columns for _, columns, _, _ in parts)])
    weight = np.concatenate([np.zeros(0, np.float32), *(weights * weight for _, _, weights, weight in parts)])
    shape = (len(tags), len(tagging.catalogue.tag_names))
    return csr_array((weight.astype(np.float32), (row, column)), shape=shape)
