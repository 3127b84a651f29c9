"""Content: items whose tags match what the customer turned to or declared."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender import pairs
from recommender.scorer import compact, entries
from recommender.stack import Stack, led_to
from recommender.trail import Trail, heaviest

SHARE, DEPTH = 0.9, 40
TAGS, CARRIERS = 25, 8_000
"""Candidates are looked for under so many of a customer's tags, the heaviest first, until so many items carry them.

All tags count in the match. Only the tag that crosses the bound may be on more items, up to ``max_share`` of them all.
"""


@dataclass(frozen=True, slots=True, eq=False)
class ContentModel:
    """Item × tag weights of the whole catalogue, items without events included."""

    max_share: float
    """A tag on a larger share of the items is left out."""
    tags: csr_array
    """(N × T) the telling tags' weights."""
    by_tag: csr_array
    """(T × N) the same, tag by tag."""

    @classmethod
    def of(cls, tags: csr_array, max_share: float) -> "ContentModel":
        """Build from the catalogue's tags (N × T); ``max_share`` never drops a tag of fewer than 50 items."""
        common = np.bincount(tags.indices, minlength=tags.shape[1]) > max(max_share * tags.shape[0], 50)
        telling = pairs.kept(tags.astype(np.float32, copy=False), ~common[tags.indices])
        return cls(max_share, compact(telling), compact(telling.T.tocsr()))

    def over(self, tags: csr_array) -> "ContentModel":
        """Return the same model over a catalogue that changed."""
        return ContentModel.of(tags, self.max_share)

    def profiles(self, steps: Trail) -> Stack:
        """Return (B × T) the tags of the last steps, and those of the last step alone, each of length 1."""
        recent, last = steps.recent(SHARE, DEPTH, steps.items), steps.recent(1.0, 1, steps.items)
        found = led_to(("content", "content_last"), [(recent, 0), (last, 0)], self.tags)
        return Stack(found.names, _unit(found.table))

    def stated(self, tags: csr_array) -> csr_array:
        """Return (B × T) the customers' own tags, of length 1."""
        return _unit(tags.astype(np.float32))

    def beside(self, anchors: csr_array) -> csr_array:
        """Return (B × T) the tags of the ``anchors`` (B × N), of length 1."""
        return _unit(anchors @ self.tags)

    def carriers(self, profile: csr_array) -> csr_array:
        """Return (B × N) how well items match the heaviest tags of ``profile`` (B × T): the candidates it proposes."""
        telling = heaviest(profile, TAGS)
        row = pairs.rows(telling)
        size = np.diff(self.by_tag.indptr)[telling.indices]
        order = np.lexsort((-telling.data, row))
        total = np.cumsum(size[order], dtype=np.int64)
        before = np.append(0, total)[telling.indptr[:-1]][row]
        keep = np.zeros(len(row), np.bool_)
        keep[order] = (total - size[order] - before) < CARRIERS
        return pairs.kept(telling, keep) @ self.by_tag

    def match(
        self, profiles: Mapping[str, csr_array], customer: NDArray[np.intp], item: NDArray[np.int32]
    ) -> dict[str, NDArray[np.float32]]:
        """Return (n,) by name the products of each pair's profile (of B × T) and item tags; 0 where they share none."""
        at, pair = entries(self.tags, item)
        weight, owner, tag = self.tags.data[at], customer[pair], self.tags.indices[at]
        products = {name: weight * profile.toarray()[owner, tag] for name, profile in profiles.items()}
        return {name: np.bincount(pair, p, minlength=len(item)).astype(np.float32) for name, p in products.items()}

    def shared(
        self, profiles: Mapping[str, csr_array], customer: NDArray[np.intp], item: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """Return (n,) the tag that weighs most in each pair's ``profiles`` (B × T each) and item; −1 for none."""
        at, pair = entries(self.tags, item)
        tag = self.tags.indices[at]
        weight = (
            self.tags.data[at]
            * np.sum([profile.toarray() for profile in profiles.values()], axis=0)[customer[pair], tag]
        )
        order = np.lexsort((tag, -weight, pair))
        order = order[weight[order] > 0]
        telling, first = np.unique(pair[order], return_index=True)
        found = np.full(len(item), -1, np.int32)
        found[telling] = tag[order[first]]
        return found


def _unit(profile: csr_array) -> csr_array:
    """Return the fresh ``profile`` scaled in place, each row to length 1."""
    customer = pairs.rows(profile)
    length = np.sqrt(np.bincount(customer, profile.data**2, minlength=profile.shape[0]))
    profile.data = (profile.data / np.maximum(length, 1e-12)[customer]).astype(np.float32)
    return profile
