"""Live events survive packing, and compaction never forgets what exclusions need."""

import math

from hypothesis import given
from hypothesis import strategies as st

from features.live_events import LASTING, LiveEvents, pack
from recommender.values import EventType

VIEW, BUY, CART = EventType.VIEW_ITEM, EventType.PURCHASE, EventType.ADD_TO_CART


def live(*events: tuple[str, EventType, int]) -> LiveEvents:
    return LiveEvents.unpacked([pack(item, event, time, 1, math.nan) for item, event, time in events])


def test_events_come_back_oldest_first() -> None:
    events = LiveEvents.unpacked([pack("b/é", BUY, 20, 2, 3.5), pack("a", VIEW, 10, 1, math.nan)])
    assert events.items == ("a", "b/é")
    assert events.event.tolist() == [VIEW, BUY]
    assert events.time.tolist() == [10, 20]
    assert events.quantity.tolist() == [1, 2]
    assert [math.isnan(events.price[0]), float(events.price[1])] == [True, 3.5]


def test_a_huge_or_tiny_quantity_is_kept_as_the_nearest_that_fits() -> None:
    packed = [pack("a", BUY, 1, 1e9, 1), pack("a", BUY, 2, 1e-9, 1)]
    assert LiveEvents.unpacked(packed).quantity.tolist() == [65_504, 2**-14]


def test_compaction_keeps_the_last_events_and_what_lasts_of_the_older_ones() -> None:
    events = live(("a", BUY, 1), ("b", VIEW, 2), ("a", BUY, 3), ("c", VIEW, 4), ("d", VIEW, 5))
    assert list(zip(events.compacted(2).items, events.compacted(2).time.tolist(), strict=True)) == [
        ("a", 3),
        ("c", 4),
        ("d", 5),
    ]


EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(EventType), st.integers(0, 9)), max_size=30)


@given(EVENTS, st.integers(1, 10))
def test_compaction_keeps_the_last_word_on_every_item(events: list[tuple[str, EventType, int]], recent: int) -> None:
    whole = live(*events)
    short = whole.compacted(recent)
    assert last_words(short) == last_words(whole)
    assert short.compacted(recent).packed() == short.packed()
    assert LiveEvents.unpacked(short.packed()).packed() == short.packed()


def last_words(events: LiveEvents) -> dict[tuple[str, int], int]:
    rows = zip(events.items, events.event.tolist(), events.time.tolist(), strict=True)
    return {(item, event): time for item, event, time in rows if event in LASTING}
