"""Peers of the optional extra ``peers``: the only module that imports them, and without them there are none."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix, eye_array, hstack

from training.baselines import Score

FACTORS, EPOCHS = 64, 10
"""Three times the epochs took three times as long and found no more."""

ABSENT = (
    "RecTools is no peer here: on Python 3.11 every release up to 0.19.0 asks for `numpy<2.0.0`, and Tagalong for "
    "numpy 2, so they cannot be installed side by side."
)

FitKnown = Callable[[csr_array, csr_array, int], Score]
"""From what everybody did (U × N weights), the items' tags (N × T) and a seed to a peer of these customers alone.

Its score is asked with (B × U) one mark a row: which customer.
"""


def fit_lightfm(past: csr_array, tags: csr_array, seed: int) -> Score:
    """Fit LightFM's hybrid with the WARP loss (Kula 2015), an item being itself and its tags; one thread repeats."""
    from lightfm import LightFM  # noqa: PLC0415 (an optional extra)

    chosen = csr_matrix((np.ones(past.nnz, np.float32), past.indices, past.indptr), shape=past.shape)
    features = csr_matrix(hstack([eye_array(past.shape[1], dtype=np.float32), tags.astype(np.float32)]))
    model = LightFM(no_components=FACTORS, loss="warp", item_alpha=1e-6, random_state=seed)
    model.fit(chosen.tocoo(), item_features=features, epochs=EPOCHS, num_threads=1)
    bias, items = model.get_item_representations(features)
    _, users = model.get_user_representations()

    def score(who: csr_array) -> NDArray[np.float32]:
        return np.asarray((who @ users) @ items.T + bias, np.float32)

    return score


def installed() -> Mapping[str, FitKnown]:
    """Return the peers that are there, by name."""
    return {"LightFM": fit_lightfm} if find_spec("lightfm") is not None else {}


def note() -> str:
    """Return which of them were measured, and which could not be."""
    if not installed():
        return f"LightFM was not measured: the extra `peers` is not installed. {ABSENT}"
    settings = f"{FACTORS} factors, {EPOCHS} epochs, WARP, items by id and tags"
    return f"LightFM is lightfm-next {version('lightfm-next')}: {settings}. {ABSENT}"
