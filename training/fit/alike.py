"""Which items with like tags speak for an item of few events."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array, hstack, identity, vstack

from recommender import pairs
from training.fit.cooccurrence import apart, strongest

ENOUGH = 10.0
"""Weight of an item's events, as ``[events.weights]`` counts them, at which half of what is said of it is its own; 30
was no better on held-out Beauty."""
LEAST = 0.1
"""An item that lacks a smaller share than this borrows nothing."""
ITEMS = 20
"""An item borrows from so many others that somebody turned to, those with the likest tags."""
CARRIERS = 1_000
"""A tag on more items makes none of them alike: it tells little, and its pairs grow with the square of them."""


def alike(tags: csr_array, weight: NDArray[np.number]) -> csr_array:
    """Return (N × N) the shares that each item borrows of others with events, by the cosine of their ``tags`` (N × T).

    A row sums to the share that an item of ``weight`` (N,) lacks: all of it where no event speaks for it, half at
    ``ENOUGH``. Rows of items that lack less than ``LEAST``, or have no tag to go by, are empty.
    """
    lacks = ENOUGH / (ENOUGH + weight)
    spread = np.bincount(tags.indices, minlength=tags.shape[1])
    telling = _scaled(pairs.kept(tags, spread[tags.indices] <= CARRIERS), 2, np.ones(len(weight)))
    row = pairs.rows(telling)
    lacking, heard = pairs.kept(telling, (lacks >= LEAST)[row]), pairs.kept(telling, (weight > 0)[row])
    return _scaled(apart(strongest(lacking, heard.T, ITEMS + 1)), 1, lacks)


def borrowed(links: csr_array, shares: csr_array, most: int) -> csr_array:
    """Return (N × N) what ``links`` (N × N) say once items stand in for one another by ``shares``, less the links.

    An item is linked to whatever those that speak for it are linked to, and to whatever these in turn speak for. Each
    end's ``most`` highest alone are followed: all of them would be some thousands an item.
    """
    ends = strongest(links, shares.T, most)
    either = hstack([shares, identity(links.shape[0], dtype=np.float32)], format="csr")
    return apart(strongest(either, vstack([links + ends, ends], format="csr"), most + 1))


def _scaled(table: csr_array, power: int, length: NDArray[np.number]) -> csr_array:
    """Return the rows brought to ``length`` (N,), by the norm of that ``power``; what is empty stays so."""
    norm = np.bincount(pairs.rows(table), np.abs(table.data) ** power, minlength=table.shape[0]) ** (1 / power)
    return (diags_array((length / np.maximum(norm, 1e-12)).astype(np.float32)) @ table).tocsr()
