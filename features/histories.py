"""Turns a table of events into what each customer did."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.columns import flat, milliseconds, numbers, rows
from features.event_names import event_type
from recommender.values import Histories


def build_histories(events: pa.Table, users: pa.Array, items: pa.Array) -> Histories:
    """Return what each of ``users`` did with ``items``, oldest first; events that name neither are left out.

    Events at one moment stand in the order of the funnel (view, cart, purchase), then of item, quantity and price, so
    that the order of the input carries no information.
    """
    user, item = rows(events["user_id"], users), rows(events["item_id"], items)
    known = np.flatnonzero((user >= 0) & (item >= 0))
    user, item = user[known], item[known]
    time, event = milliseconds(events["timestamp"])[known], event_codes(events["event"])[known]
    quantity, price = numbers(events["quantity"])[known], numbers(events["price"])[known]
    quantity = np.where(np.isnan(quantity), np.float32(1), quantity)
    order = np.lexsort((price, quantity, item, event, time, user))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=len(users)))]).astype(np.int64)
    return Histories(indptr, item[order], event[order], time[order] // 1000, quantity[order], price[order])


def event_codes(column: pa.ChunkedArray | pa.Array) -> NDArray[np.int8]:
    """Return the ``EventType`` of each name; only distinct names are looked up."""
    encoded = flat(column).dictionary_encode()
    types = np.array([event_type(name) for name in encoded.dictionary.to_pylist()], np.int8)
    return types[encoded.indices.to_numpy(zero_copy_only=False)] if len(types) else np.zeros(0, np.int8)
