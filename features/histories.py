"""Turns a table of events into what each customer did."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.arrow_arrays import flat, milliseconds, numbers, rows
from features.event_names import event_type
from recommender.scorer import jitter
from recommender.times import DAY
from recommender.trail import changed
from recommender.values import LATEST, Histories

UNTIMED = 30
"""Days over which events are spread that have no moment of their own."""


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


def untimed(log: Histories) -> NDArray[np.bool_]:
    """Return (n,) which events have no moment of their own: those of the second that more than half of all share."""
    moments, count = np.unique(log.time, return_counts=True)
    if count.max(initial=0) * 2 <= len(log.time) or len(log.time) < 2:
        return np.zeros(len(log.time), np.bool_)
    return np.asarray(log.time == moments[count.argmax()])


def spread_out(log: Histories) -> Histories:
    """Return the log with a moment for every event that has none, in the ``UNTIMED`` days before the one of them all.

    Of a list of who had what, with one date for all, nothing would lie before a split in time. A hash of customer and
    item says where each goes, so what is learned of their order is noise.
    """
    shared, customer = untimed(log), log.customer()
    if not shared.any():
        return log
    luck = jitter(customer.astype(np.int64) * 1_000_003 + log.item)
    time = np.where(shared, log.time - (luck * UNTIMED * DAY).astype(np.int64), log.time)
    order = np.lexsort((time, customer))
    columns = {name: getattr(log, name)[order] for name in ("item", "event", "quantity", "price")}
    return replace(log, time=time[order], **columns)


def continued(past: Histories, later: Histories) -> Histories:
    """Return both histories of the same customers as one, oldest first; what is in both counts once.

    Events are the same where customer, item, event and time are. The past need not be in order.
    """
    later = later.where(~_told(past, later))
    customer = np.concatenate([past.customer(), later.customer()])
    order = np.lexsort((np.concatenate([past.time, later.time]), customer))
    indptr = np.searchsorted(customer[order], np.arange(len(past) + 1)).astype(np.int64)
    columns = ("item", "event", "time", "quantity", "price")
    return Histories(indptr, *(np.concatenate([getattr(past, c), getattr(later, c)])[order] for c in columns))


def _told(past: Histories, later: Histories) -> NDArray[np.bool_]:
    """Return which of the later events the past holds already."""
    past = past.where(past.time >= later.time.min(initial=LATEST))  # mostly next to nothing
    pairs = [
        (past.customer(), later.customer()),
        *((getattr(past, c), getattr(later, c)) for c in ("item", "event", "time")),
    ]
    columns = [np.concatenate(pair) for pair in pairs]
    order = np.lexsort(columns)
    group = np.cumsum(changed(*(column[order] for column in columns))) - 1
    told = np.zeros(len(order), np.bool_)
    told[order] = np.bincount(group, order < len(past.item))[group] > 0
    return told[len(past.item) :]


def event_codes(column: pa.ChunkedArray | pa.Array) -> NDArray[np.int8]:
    """Return the ``EventType`` of each name; only distinct names are looked up."""
    encoded = flat(column).dictionary_encode()
    types = np.array([event_type(name) for name in encoded.dictionary.to_pylist()], np.int8)
    return types[encoded.indices.to_numpy(zero_copy_only=False)] if len(types) else np.zeros(0, np.int8)
