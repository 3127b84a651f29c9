"""Whether taste lasts: whether what customers turned to long ago tells as much as what they turned to last."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recommender.candidates import Allowed, propose_sparse
from recommender.models.neighbours import NeighbourModel
from recommender.trail import Trail, trail
from training.fit_ranker import FEWEST, chosen
from training.metrics import accuracy
from training.split import LabelledQueries

CUT = 10


def lasting(model: NeighbourModel, weights: NDArray[np.float32], asked: LabelledQueries) -> bool:
    """Return whether whole histories foresee what is ``asked`` better, beyond chance, than the last steps do.

    The autoencoder answers; what is asked for is new to each customer. Few moments tell nothing. ``weights`` (event
    types,) is how much each type of event says.
    """
    if len(asked) < FEWEST:
        return False
    steps = trail(asked.queries.histories, weights, model.items)
    found = {name: _foreseen(replace(model, lasting=name == "whole"), steps, asked) for name in ("whole", "last")}
    return chosen(found, "last") == "whole"


def _foreseen(model: NeighbourModel, steps: Trail, asked: LabelledQueries) -> NDArray[np.float64]:
    """Return (Q,) NDCG of the autoencoder alone."""
    scores, size = model.signals(steps).of("ease"), len(asked)
    allowed = Allowed.of(np.ones(model.items, np.bool_), steps.pairs)
    lists = propose_sparse(scores, np.arange(size), allowed, CUT)
    return accuracy(lists, asked.truth, [CUT])[f"NDCG@{CUT}"]
