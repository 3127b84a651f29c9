"""How good lists are: each figure as an array with one value a customer, so that means and intervals come after.

Lists are (B, K) item rows, best first, padded with −1 at the end. ``truth`` is (B × N) with an entry for each item that
the customer then chose; every customer has at least one.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender import pairs

PerCustomer = Mapping[str, NDArray[np.float64]]
"""(B,) values by the name of a figure, such as ``NDCG@10``; NaN where a customer's list is too short to say."""


def marked(lists: NDArray[np.int32], items: csr_array) -> NDArray[np.bool_]:
    """Return (B, K) whether the row of the list is one that ``items`` (B × N) stores for that customer."""
    asked = pairs.keys(np.arange(len(lists))[:, None], lists, items.shape[1])
    return np.asarray(np.isin(asked, pairs.stored(items)) & (lists >= 0))


def accuracy(lists: NDArray[np.int32], truth: csr_array, ks: Sequence[int]) -> PerCustomer:
    """Return HR, R, NDCG and MRR at each cut: with binary gain, the ideal list cut at k, one figure a customer."""
    hits = np.zeros((len(lists), max(ks)), np.bool_)
    hits[:, : lists.shape[1]] = marked(lists[:, : max(ks)], truth)
    size = np.diff(truth.indptr)
    discount = discounts(max(ks))
    ideal = np.cumsum(discount)
    found: dict[str, NDArray[np.float64]] = {}
    for k in ks:
        cut = hits[:, :k]
        found[f"HR@{k}"] = np.asarray(cut.any(axis=1), np.float64)
        found[f"R@{k}"] = np.asarray(cut.sum(axis=1) / size)
        found[f"NDCG@{k}"] = np.asarray(cut @ discount[:k] / ideal[np.minimum(size, k) - 1])
        found[f"MRR@{k}"] = np.asarray(np.where(cut.any(axis=1), 1.0 / (cut.argmax(axis=1) + 1), 0.0))
    return found


def discounts(k: int) -> NDArray[np.float64]:
    """Return (k,) what a hit in each place is worth to NDCG."""
    return np.asarray(1 / np.log2(np.arange(2, k + 2)))


def minus(truth: csr_array, owned: csr_array) -> csr_array:
    """Return the entries of ``truth`` that ``owned`` does not store."""
    fresh = truth.astype(np.float32)
    fresh.data[:] = 1
    both = fresh.multiply(owned.astype(bool))
    left = csr_array(fresh - both)
    left.eliminate_zeros()
    return left


def coverage(lists: NDArray[np.int32], eligible: int) -> float:
    """Return the share of the ``eligible`` items that at least one list shows."""
    return len(np.unique(lists[lists >= 0])) / max(eligible, 1)


def novelty(lists: NDArray[np.int32], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (B,) mean surprise: −log2 of the ``share`` (N,) of customers who had the item (Zhou et al. 2010)."""
    surprise = -np.log2(np.maximum(share, share[share > 0].min(initial=1.0) / 2))
    return _mean_over_lists(lists, surprise)


def popularity_lift(lists: NDArray[np.int32], truth: csr_array, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (B,) how popular the list's items are, divided by how popular the items really chosen are.

    1 shows things exactly as popular as what customers choose; above 1 the list leans to the popular. The divisor is
    the mean over all customers, for a single customer's choice is too noisy to divide by. NaN where it is 0.
    """
    chosen = float(share[truth.indices].mean()) if truth.nnz else 0.0
    return _mean_over_lists(lists, share) / (chosen or float("nan"))


def diversity(lists: NDArray[np.int32], tags: csr_array) -> NDArray[np.float64]:
    """Return (B,) one minus the mean cosine between two items of a list; ``tags`` (N × T) has rows of length 1 or 0.

    NaN where nothing has tags: nobody knows what is alike.
    """
    if not tags.nnz:
        return np.full(len(lists), np.nan)
    shown = _indicator(lists, tags.shape[0])
    total = shown @ tags
    size = np.diff(shown.indptr).astype(np.float64)
    squares = np.asarray(total.multiply(total).sum(axis=1)).ravel()
    own = shown @ np.asarray(tags.multiply(tags).sum(axis=1)).ravel()
    ordered_pairs = np.where(size > 1, size * (size - 1), np.nan)
    return np.asarray(1 - (squares - own) / ordered_pairs, np.float64)


def _indicator(lists: NDArray[np.int32], items: int) -> csr_array:
    shown = lists >= 0
    indptr = np.concatenate([[0], np.cumsum(shown.sum(axis=1))])
    return csr_array((np.ones(int(indptr[-1]), np.float32), lists[shown], indptr), shape=(len(lists), items))


def _mean_over_lists(lists: NDArray[np.int32], value: NDArray[np.float64]) -> NDArray[np.float64]:
    size = (lists >= 0).sum(axis=1)
    total = np.where(lists >= 0, value[lists], 0.0).sum(axis=1)
    return np.asarray(np.where(size > 0, total / np.maximum(size, 1), np.nan), np.float64)
