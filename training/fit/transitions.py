"""Fit ordered item transitions: sparse products of each step with the steps after it."""

import numpy as np
from scipy.sparse import csr_array, diags_array, vstack

from recommender.config import TransitionSettings
from recommender.models.transitions import TransitionModel
from recommender.scorer import compact
from recommender.trail import Trail
from training.fit.alike import alike, borrowed
from training.fit.cooccurrence import apart, cooccurrence, strongest

FADE = 0.65
"""Each further step of distance counts this share of the one before."""
PAIRS = 60_000_000
"""Pairs of items that are counted at most: with large baskets, distant steps say little and cost the most."""


def fit_transitions(steps: Trail, tags: csr_array, settings: TransitionSettings) -> TransitionModel:
    """Count, for every two items, how closely one follows the other, over the square root of the first one's weight.

    What the very next step holds is divided by the root of the second one's weight too: what everybody takes all the
    time says nothing there.

    A step's items share its weight, so a large basket says no more than a small one. Items of few events are also
    linked by what is said of those with like ``tags`` (N × T), of which none is on too many items to tell anything.
    """
    here = _incidence(steps)
    after = _shifted(here, steps, _affordable(here, settings.distance))
    weight = np.bincount(steps.item, steps.weight, minlength=steps.items)
    scale = diags_array(1 / np.sqrt(np.maximum(weight, 1)))
    follows = strongest(here.T, after, settings.neighbours + 1)
    sides = ((after, here), (_shared(here), here), (here, _shifted(here, steps, 1) @ scale))
    links = [scale @ apart(follows), *(scale @ cooccurrence(*side, settings.neighbours) for side in sides)]
    shares = alike(tags, weight)
    said = borrowed(follows, shares, settings.neighbours)
    links.append(diags_array(1 / np.sqrt(np.maximum(weight + shares @ weight, 1))) @ said)
    return TransitionModel(compact(vstack(links, format="csr", dtype=np.float32)))


def _incidence(steps: Trail) -> csr_array:
    """Return (steps × N), rows of a basket of n items divided by √n."""
    size = np.bincount(steps.step, minlength=1)[steps.step] if len(steps.step) else steps.weight
    shape = (int(steps.step[-1]) + 1 if len(steps.step) else 0, steps.items)
    return csr_array(((steps.weight / np.sqrt(size)).astype(np.float32), (steps.step, steps.item)), shape=shape)


def _affordable(here: csr_array, distance: int) -> int:
    """Return the longest distance, from 1 to ``distance``, at which no more than ``PAIRS`` pairs are counted."""
    size = np.diff(here.indptr).astype(np.int64)
    counted = np.cumsum([int(size[:-d] @ size[d:]) for d in range(1, min(distance, len(size) - 1) + 1)])
    return max(int(np.searchsorted(counted, PAIRS, side="right")), 1)


def _shifted(here: csr_array, steps: Trail, distance: int) -> csr_array:
    """Return (steps × N) the items of each step's next ``distance`` steps, fading with distance."""
    owner = np.zeros(here.shape[0], np.int64)
    owner[steps.step] = steps.customer
    froms = [np.flatnonzero(owner[:-d] == owner[d:]) for d in range(1, min(distance, len(owner) - 1) + 1)]
    row = np.concatenate([np.zeros(0, np.int64), *froms])
    column = np.concatenate([np.zeros(0, np.int64), *(p + d for d, p in enumerate(froms, 1))])
    fade = np.concatenate([np.zeros(0), *(np.full(len(p), FADE ** (d - 1)) for d, p in enumerate(froms, 1))])
    shift = csr_array((fade.astype(np.float32), (row, column)), shape=(len(owner), len(owner)))
    return (shift @ here).tocsr()


def _shared(here: csr_array) -> csr_array:
    """Return the rows of more than one item; the others are empty."""
    size = np.diff(here.indptr)
    return (diags_array((size > 1).astype(np.float32)) @ here).tocsr()
