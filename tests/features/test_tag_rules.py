"""What behaviour earns which tag, and that one customer online and a whole shop offline get the same answer."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from features.build import build_dataset
from features.tables import Tables
from features.tag_rules import CustomerTag, TagRules, describe, heaviest, held, latest, with_derived
from recommender.config import Config, TagRule
from recommender.times import DAY
from recommender.values import EventType, Histories

VIEW, BUY = EventType.VIEW_ITEM, EventType.PURCHASE
TENTS = np.array([True, True, True, False, False])
"""Items 0–2 are tents, 3 and 4 are not."""
CATALOGUE = build_dataset(Tables.of(items=pa.table({"item_id": list("abcde")})), Config()).catalogue


def rules(*settings: TagRule) -> TagRules:
    counts = np.zeros((len(settings), len(EventType)), np.bool_)
    for row, rule in enumerate(settings):
        counts[row, [EventType[name.upper()] for name in rule.events]] = True
    return TagRules(settings, (TENTS,) * len(settings), counts)


def histories(*customers: list[tuple[int, EventType, int]]) -> Histories:
    events = [e for c in customers for e in c]
    indptr = np.cumsum([0, *map(len, customers)])
    item, event, time = (np.array([e[i] for e in events], np.int64) for i in range(3))
    none = np.ones(len(events), np.float32)
    return Histories(indptr, item.astype(np.int32), event.astype(np.int8), time, none, none)


SEED_CASE = TagRule(tag="camping", when="'tent' in tags", count=3, in_a_row=True)


def test_three_views_in_a_row_give_the_tag_with_its_evidence() -> None:
    found = held(rules(SEED_CASE), 0, histories([(0, VIEW, 10), (1, VIEW, 20), (2, VIEW, 30)]))
    assert found.customer.tolist() == [0]
    assert found.time.tolist() == [30]
    assert found.evidence.tolist() == [[0, 1, 2]]


def test_another_view_between_breaks_the_row_but_a_purchase_between_does_not() -> None:
    broken = [(0, VIEW, 10), (3, VIEW, 15), (1, VIEW, 20), (2, VIEW, 30)]
    unbroken = [(0, VIEW, 10), (3, BUY, 15), (1, VIEW, 20), (2, VIEW, 30)]
    assert held(rules(SEED_CASE), 0, histories(broken, unbroken)).customer.tolist() == [1]


def test_views_of_two_customers_never_add_up() -> None:
    assert held(rules(SEED_CASE), 0, histories([(0, VIEW, 1), (1, VIEW, 2)], [(2, VIEW, 3)])).customer.tolist() == []


def test_nobody_and_nothing_give_no_tags() -> None:
    assert held(rules(SEED_CASE), 0, Histories.empty(3)).customer.tolist() == []


def test_fewer_events_than_a_rule_counts_give_no_tag_and_no_error() -> None:
    for count in range(1, 8):
        rule = TagRule(tag="t", events=("view_item",), count=count)
        for made in range(8):
            found = held(rules(rule), 0, histories([(0, VIEW, number) for number in range(made)]))
            assert found.customer.tolist() == ([0] if made >= count else [])


def test_a_window_of_days_counts_from_the_first_event_to_the_last() -> None:
    rule = TagRule(tag="t", events=("purchase",), count=2, within_days=7)
    near, far = [(0, BUY, 0), (1, BUY, 7 * DAY)], [(0, BUY, 0), (1, BUY, 7 * DAY + 1)]
    assert held(rules(rule), 0, histories(near, far)).customer.tolist() == [0]


def test_a_tag_halves_with_its_half_life_and_expires() -> None:
    rule = TagRule(tag="t", count=1, weight=2.0, half_life_days=10, expires_days=30)
    log = histories(*[[(0, VIEW, 0)]] * 3)
    found = latest(rules(rule), log, np.array([0, 30 * DAY, 30 * DAY + 1]), CATALOGUE)
    assert [{name: each.tag.weight for name, each in one.items()} for one in found] == [{"t": 2.0}, {"t": 0.25}, {}]


def test_a_tag_brings_others_and_they_bring_more() -> None:
    tags = {"camping": CustomerTag("camping", 1.0, "rule", 5)}
    brings = {"camping": {"gear": 0.5}, "gear": {"stove": 0.5}}
    every = with_derived(tags, brings)
    assert {t.name: t.weight for t in every.values()} == {"camping": 1.0, "gear": 0.5, "stove": 0.25}
    assert (every["stove"].provenance, every["stove"].rule) == ("derived", "gear")


def test_tags_that_learned_to_bring_each_other_come_to_rest() -> None:
    tags = {"a": CustomerTag("a", 1.0, "rule", 5)}
    assert with_derived(tags, {"a": {"b": 1.0}, "b": {"a": 1.0}})["b"].weight == 1.0


def test_only_the_heaviest_tags_stay_within_the_cap() -> None:
    tags = {n: CustomerTag(n, w, "hand", 0) for n, w in [("a", 0.1), ("b", 0.9), ("c", 0.5)]}
    assert [t.name for t in heaviest(tags, 2)] == ["b", "c"]


def test_a_rule_says_itself_in_words() -> None:
    assert describe(SEED_CASE) == "3 view_item in a row where 'tent' in tags"


EVENTS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([VIEW, BUY]), st.integers(0, 20).map(lambda d: d * DAY)), max_size=12
).map(lambda events: sorted(events, key=lambda e: e[2]))


def slow(rule: TagRule, events: list[tuple[int, EventType, int]]) -> int | None:
    """Return when the rule held last, by looking at every window in turn."""
    counted = [e for e in events if e[1].name.lower() in rule.events]
    found = None
    for end in range(len(counted)):
        hits = [i for i in range(end + 1) if TENTS[counted[i][0]]]
        if len(hits) < rule.count or hits[-1] != end:
            continue
        start = hits[-rule.count]
        width = rule.count if rule.in_a_row else rule.within_events
        in_events = width is None or end - start < width
        in_days = rule.within_days is None or counted[end][2] - counted[start][2] <= rule.within_days * DAY
        found = counted[end][2] if in_events and in_days else found
    return found


@given(
    st.lists(EVENTS, min_size=1, max_size=4),
    st.builds(
        TagRule,
        tag=st.just("t"),
        events=st.sampled_from([("view_item",), ("purchase", "view_item")]),
        count=st.integers(1, 7),
        in_a_row=st.booleans(),
        within_events=st.none() | st.integers(1, 6),
        within_days=st.none() | st.integers(1, 20),
    ),
)
def test_arrays_agree_with_looking_at_every_window(
    customers: list[list[tuple[int, EventType, int]]], rule: TagRule
) -> None:
    found = held(rules(rule), 0, histories(*customers))
    expected = {b: t for b, events in enumerate(customers) if (t := slow(rule, events)) is not None}
    assert dict(zip(found.customer.tolist(), found.time.tolist(), strict=True)) == expected
    for b, events in enumerate(customers):
        alone = held(rules(rule), 0, histories(events))
        assert alone.time.tolist() == [t for at, t in expected.items() if at == b]
