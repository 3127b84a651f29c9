"""Puts the tags of rules on the items that the rules are about, so that a customer's tag and an item's are one word."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from features.tagging import matches
from recommender.catalogue import Catalogue
from recommender.config import TagRule
from recommender.ids import IdMap

WEIGHT = np.float32(0.5)
"""Of the tag in an item's vector of length 1, before it is brought back to that length."""


def with_rule_tags(catalogue: Catalogue, rules: Sequence[TagRule]) -> Catalogue:
    """Return the catalogue with a column for every rule's tag that no item carries yet.

    Rules without an expression are about every item, which says nothing; they get none.
    """
    masks: dict[str, NDArray[np.bool_]] = {}
    for rule in rules:
        if rule.when and catalogue.tag_names.row(f"tag:{rule.tag}") < 0:
            name = f"tag:{rule.tag}"
            masks[name] = masks.get(name, np.zeros(len(catalogue), np.bool_)) | matches(catalogue, rule.when)
    masks = {name: mask for name, mask in masks.items() if mask.any()}
    return _with_columns(catalogue, masks) if masks else catalogue


def _with_columns(catalogue: Catalogue, masks: dict[str, NDArray[np.bool_]]) -> Catalogue:
    names = IdMap.of([*catalogue.tag_names, *masks])
    fresh = csr_array(np.column_stack(list(masks.values())) * WEIGHT)
    wide = hstack([catalogue.tags, fresh], format="csr", dtype=np.float32)
    place = names.rows([*catalogue.tag_names, *masks])
    tags = csr_array((wide.data, place[wide.indices], wide.indptr), shape=wide.shape)
    tags.sort_indices()
    touched = np.logical_or.reduce(list(masks.values()))
    length = np.sqrt(1 + WEIGHT**2 * fresh.astype(bool).sum(axis=1))
    had_none = np.diff(catalogue.tags.indptr) == 0
    length[had_none] = np.sqrt(length[had_none] ** 2 - 1)
    scale = np.where(touched, 1 / np.where(length > 0, length, 1), 1).astype(np.float32)
    tags.data *= np.repeat(scale, np.diff(tags.indptr))
    return replace(catalogue, tags=tags, tag_names=names)
