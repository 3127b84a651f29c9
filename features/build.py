"""Turns a shop's tables into the dataset that models are fitted on."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array

from features.arrow_arrays import distinct, id_map, listed, rows
from features.catalogue import build_catalogue
from features.consent import consented, refusing
from features.histories import build_histories
from features.rule_tags import with_rule_tags
from features.tables import Tables
from features.tags import tag_rows
from recommender.config import Config
from recommender.dataset import Dataset
from recommender.ids import IdMap
from recommender.values import EARLIEST, LATEST, Histories


def build_dataset(tables: Tables, config: Config) -> Dataset:
    """Return users, items, histories, catalogue and declared tags.

    Items and users that only occur in events are rows like any other. Events without an item, and those that may not be
    learned from, are no part of histories; customers who want no personal lists are no part of users.
    """
    events, customers = consented(tables)
    users = distinct(events["user_id"], customers["user_id"])
    items = distinct(events["item_id"], tables.items["item_id"])
    histories = build_histories(events, users, items)
    bare = build_catalogue(tables.items, items, first_times(histories, len(items)), config.content)
    catalogue = with_rule_tags(bare, config.tag_rules)
    declared = declared_tags(customers, users, catalogue.tag_names)
    return Dataset(id_map(users), histories, catalogue, declared, id_map(distinct(refusing(tables.users))))


def first_times(histories: Histories, items: int) -> NDArray[np.int64]:
    """Return when each item first occurs, seconds since 1970; ``EARLIEST`` where it never does."""
    first = np.full(items, LATEST)
    np.minimum.at(first, histories.item, histories.time)
    return np.where(first == LATEST, EARLIEST, first)


def declared_tags(customers: pa.Table, users: pa.Array, tag_names: IdMap) -> csr_array:
    """Return (U × T) weights, 1 for each tag that a customer declared and the catalogue knows, case aside."""
    at, tag = listed(customers["tags"])
    distinct_tags = pc.unique(tag)
    code = tag_rows(distinct_tags.to_pylist(), tag_names)[rows(tag, distinct_tags)]
    row = rows(customers["user_id"], users)[at]
    known = (code >= 0) & (row >= 0)
    declared = csr_array(
        (np.ones(known.sum(), np.float32), (row[known], code[known])), shape=(len(users), len(tag_names))
    )
    declared.sum_duplicates()
    declared.data = np.minimum(declared.data, 1)
    return declared
