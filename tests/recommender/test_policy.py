"""Nothing that a rule excludes is let through, and nothing else is held back."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from recommender.config import Diversity, Exclusions
from recommender.policy import (
    Rules,
    always_eligible,
    boosted,
    diversify,
    exclusions,
    exclusions_by_rule,
    pinned_rows,
    why_ineligible,
)
from recommender.times import DAY
from recommender.values import EventType, Histories
from tests.recommender.little_shop import catalogue

NOW = 100 * DAY
SHOP = catalogue(
    [
        {"item_id": "a", "category": "Food > Milk"},
        {"item_id": "b", "category": "Food"},
        {"item_id": "c", "category": "Foodstuff"},
        {"item_id": "d"},
    ]
)
Event = tuple[int, EventType, int]
"""Item row, what happened, on which day."""


def histories(*customers: list[Event]) -> Histories:
    events = [event for customer in customers for event in sorted(customer, key=lambda e: e[2])]
    size = len(events)
    return Histories(
        np.cumsum([0, *map(len, customers)]),
        np.array([e[0] for e in events], np.int32),
        np.array([e[1] for e in events], np.int8),
        np.array([e[2] * DAY for e in events], np.int64),
        np.ones(size, np.float32),
        np.full(size, np.nan, np.float32),
    )


def excluded(settings: Exclusions, *customers: list[Event]) -> list[list[int]]:
    matrix = exclusions(histories(*customers), settings, SHOP, np.full(len(customers), NOW))
    return [np.flatnonzero(row).tolist() for row in matrix.toarray()]


NOTHING = Exclusions(in_cart=False, refunded_or_disliked=False)


def test_what_is_sold_out_hidden_or_out_of_its_dates_is_never_eligible() -> None:
    shop = catalogue(
        [
            {"item_id": "0", "in_stock": False},
            {"item_id": "1", "hidden": True},
            {"item_id": "2", "available_from": 11},
            {"item_id": "3", "available_until": 9},
            {"item_id": "4", "available_from": 10, "available_until": 10},
            {"item_id": "5"},
        ]
    )
    assert always_eligible(shop, 10).tolist() == [False, False, False, False, True, True]
    reasons = [why_ineligible(shop, row, 10) for row in range(6)]
    assert reasons == ["sold_out", "hidden", "not_yet_available", "expired", None, None]


def test_an_item_is_in_the_cart_until_it_is_removed_or_bought() -> None:
    settings = Exclusions(in_cart=True, in_cart_days=100, refunded_or_disliked=False)
    removed = [(0, EventType.ADD_TO_CART, 1), (0, EventType.REMOVE_FROM_CART, 2)]
    bought = [(1, EventType.ADD_TO_CART, 1), (1, EventType.PURCHASE, 1)]
    again = [(2, EventType.PURCHASE, 1), (2, EventType.ADD_TO_CART, 2)]
    assert excluded(settings, removed, bought, again, [(3, EventType.ADD_TO_CART, 1)]) == [[], [], [2], [3]]
    lately = settings.model_copy(update={"in_cart_days": 98.5})
    assert excluded(lately, removed, bought, again, [(3, EventType.ADD_TO_CART, 1)]) == [[], [], [2], []]


def test_what_was_bought_lately_is_excluded_except_consumables() -> None:
    lately = only(bought_within_days=10)
    bought = [(row, EventType.PURCHASE, 95) for row in range(4)]
    assert excluded(lately, bought, [(0, EventType.PURCHASE, 90)], [(0, EventType.PURCHASE, 91)]) == [
        [0, 1, 2, 3],
        [],
        [0],
    ]
    assert excluded(only(bought_within_days=10, consumable_categories=("Food",)), bought) == [[2, 3]]
    assert excluded(only(bought_within_days=10, consumable_categories=("Food>Milk",)), bought) == [[1, 2, 3]]
    assert excluded(only(bought_within_days=float("inf")), [(3, EventType.PURCHASE, 0)]) == [[3]]
    assert excluded(lately, [(0, EventType.PURCHASE, 95), (0, EventType.REFUND, 96)]) == [[]]


def test_the_last_word_decides_on_refunds_and_dislikes() -> None:
    settings = Exclusions(in_cart=False, refunded_or_disliked=True)
    refunded = [(0, EventType.PURCHASE, 1), (0, EventType.REFUND, 2)]
    kept = [*refunded, (0, EventType.PURCHASE, 3)]
    disliked = [(1, EventType.LIKE, 1), (1, EventType.DISLIKE, 2)]
    assert excluded(settings, refunded, kept, disliked, [(2, EventType.DISLIKE, 1), (2, EventType.LIKE, 2)]) == [
        [0],
        [],
        [1],
        [],
    ]


def test_impressions_without_a_click_hide_an_item_until_it_is_clicked() -> None:
    seen = [(0, EventType.VIEW_ITEM_LIST, day) for day in (1, 2, 3)]
    settings = only(seen_without_click=3)
    assert excluded(settings, seen, seen[:2], [*seen, (0, EventType.SELECT_ITEM, 4)]) == [[0], [], []]
    assert excluded(settings, [(0, EventType.SELECT_ITEM, 0), *seen]) == [[0]]
    assert excluded(settings, [(0, EventType.VIEW_ITEM, 2), *seen]) == [[]]


def test_the_rule_that_excludes_an_item_can_be_named() -> None:
    both = [(0, EventType.ADD_TO_CART, 98), (1, EventType.PURCHASE, 99)]
    by_rule = exclusions_by_rule(histories(both), Exclusions(bought_within_days=5), SHOP, np.array([NOW]))
    assert {name: matrix.indices.tolist() for name, matrix in by_rule.items()} == {
        "in_cart": [0],
        "bought": [1],
        "refunded_or_disliked": [],
    }


def only(**settings: object) -> Exclusions:
    return NOTHING.model_copy(update=settings)


def plainly_excluded(settings: Exclusions, customer: list[Event], item: int) -> bool:
    """Decide one item for one customer by walking through what happened, event by event."""
    in_cart = bought = rejected = disliked = False
    seen, when, put = 0, -np.inf, -np.inf
    for row, event, day in sorted(customer, key=lambda e: e[2]):
        if row != item:
            continue
        match event:
            case EventType.ADD_TO_CART:
                in_cart, seen, put = True, 0, day
            case EventType.REMOVE_FROM_CART:
                in_cart = False
            case EventType.PURCHASE:
                in_cart, bought, rejected, seen, when = False, True, False, 0, day
            case EventType.REFUND:
                bought, rejected = False, True
            case EventType.LIKE:
                disliked, seen = False, 0
            case EventType.DISLIKE:
                disliked = True
            case EventType.VIEW_ITEM_LIST:
                seen += 1
            case EventType.SELECT_ITEM:
                seen = 0
    consumable = any(SHOP.category.under(path)[item] for path in settings.consumable_categories)
    return bool(
        (settings.in_cart and in_cart and put > 100 - settings.in_cart_days)
        or (bought and when > 100 - settings.bought_within_days and not consumable)
        or (settings.refunded_or_disliked and (rejected or disliked))
        or (settings.seen_without_click and seen >= settings.seen_without_click)
    )


SETTINGS = st.builds(
    Exclusions,
    in_cart=st.booleans(),
    in_cart_days=st.sampled_from([4.0, 30.0]),
    bought_within_days=st.sampled_from([0.0, 3.0, float("inf")]),
    consumable_categories=st.sampled_from([(), ("Food",), ("Food > Milk", "Foodstuff")]),
    refunded_or_disliked=st.booleans(),
    seen_without_click=st.integers(0, 3),
)
CUSTOMER = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(
            [
                EventType.ADD_TO_CART,
                EventType.REMOVE_FROM_CART,
                EventType.PURCHASE,
                EventType.REFUND,
                EventType.LIKE,
                EventType.DISLIKE,
                EventType.VIEW_ITEM_LIST,
                EventType.SELECT_ITEM,
            ]
        ),
        st.integers(90, 100),
    ),
    max_size=20,
)


@given(SETTINGS, st.lists(CUSTOMER, min_size=1, max_size=4))
def test_exclusions_agree_with_walking_through_each_history(settings: Exclusions, customers: list[list[Event]]) -> None:
    expected = [[item for item in range(4) if plainly_excluded(settings, c, item)] for c in customers]
    assert excluded(settings, *customers) == expected


def test_a_boost_is_measured_in_the_spread_of_its_own_list() -> None:
    scores = np.array([[1.0, 3.0, np.nan], [100.0, 300.0, np.nan]], np.float32)
    lift = np.array([[3.0, 0.0, 9.0]] * 2, np.float32)
    np.testing.assert_allclose(boosted(scores, lift), [[4, 3, np.nan], [400, 300, np.nan]])
    np.testing.assert_allclose(boosted(np.ones((1, 2), np.float32), np.array([[0, 1]], np.float32)), [[1, 2]])


def test_diversity_moves_what_is_too_much_down_and_keeps_the_rest_in_order() -> None:
    codes = np.array([0, 0, 0, 1, 0, -1, -1, -1], np.int32)
    rows = np.array([[0, 1, 2, 3, 4, 5]], np.int32)
    order = diversify(rows, codes, Diversity(most=1, window=2), 6)
    assert order.tolist() == [[0, 3, 1, 5, 2, 4]]
    unlimited = diversify(np.array([[5, 6, 7]], np.int32), codes, Diversity(most=1, window=9), 3)
    assert unlimited.tolist() == [[0, 1, 2]]


def test_what_leads_keeps_its_places_and_counts_for_what_follows() -> None:
    codes = np.array([0, 0, 0, 1, 2], np.int32)
    rows = np.array([[0, 1, 2, 3, 4]] * 3, np.int32)
    order = diversify(rows, codes, Diversity(most=1, window=3), 5, np.array([0, 2, 5]))
    assert order.tolist() == [[0, 3, 4, 1, 2], [0, 1, 3, 4, 2], [0, 1, 2, 3, 4]]


def test_a_code_may_have_more_room_than_the_rule_gives() -> None:
    codes = np.array([0, 0, 0, 0, 1, 2], np.int32)
    rows = np.array([[0, 1, 2, 3, 4, 5]], np.int32)
    room = np.array([[3, 3, 3, 3, 0, 0]], np.int32)
    rule = Diversity(most=1, window=6)
    assert diversify(rows, codes, rule, 6).tolist() == [[0, 4, 5, 1, 2, 3]]
    assert diversify(rows, codes, rule, 6, room=room).tolist() == [[0, 1, 2, 4, 5, 3]]


def test_pins_are_the_known_items_each_once_in_the_given_order() -> None:
    assert pinned_rows(SHOP.items.row, ["d", "no such item", "a", "d"]).tolist() == [3, 0]
    assert pinned_rows(SHOP.items.row, []).dtype == np.int32


LISTS = st.integers(1, 4).flatmap(
    lambda lists: st.lists(
        st.permutations(range(12)).flatmap(lambda p: st.integers(0, 12).map(lambda n: p[:n] + [-1] * (12 - n))),
        min_size=lists,
        max_size=lists,
    )
)


@given(
    LISTS,
    st.lists(st.integers(-1, 3), min_size=12, max_size=12),
    st.integers(1, 3),
    st.integers(1, 5),
    st.integers(1, 14),
)
def test_a_diverse_list_is_never_short_and_breaks_its_rule_only_when_it_must(
    lists: list[list[int]], codes: list[int], most: int, window: int, count: int
) -> None:
    rows = np.array(lists, np.int32)
    order = diversify(rows, np.array(codes, np.int32), Diversity(most=most, window=window), count)
    for candidates, columns in zip(lists, order.tolist(), strict=True):
        shown = [candidates[column] for column in columns if candidates[column] >= 0]
        left = [row for row in candidates if row >= 0]
        assert len(set(shown)) == len(shown) == min(count, len(left))
        for place, row in enumerate(shown):
            nearby = [codes[other] for other in shown[max(0, place - window + 1) : place]]
            allowed = [r for r in left if codes[r] < 0 or nearby.count(codes[r]) < most]
            assert row == allowed[0] if allowed else row in left
            left.remove(row)


def test_padding_comes_after_every_candidate() -> None:
    order = diversify(np.array([[3, -1, -1]], np.int32), np.zeros(4, np.int32), Diversity(most=1, window=9), 3)
    assert order[0, 0] == 0
    assert all(a < b for a, b in pairwise(sorted(order[0].tolist())))


def test_rules_refuse_parts_of_another_catalogue() -> None:
    rules = Rules(np.ones(3, np.bool_), csr_array((2, 3), dtype=np.bool_), 5)
    for wrong in (
        {"excluded": csr_array((2, 4), dtype=np.bool_)},
        {"boost": np.ones(2, np.float32)},
        {"count": 0},
        {"pins": np.array([3], np.int32)},
        {"pins": np.array([-1], np.int32)},
        {"pins": np.array([1, 1], np.int32)},
    ):
        with pytest.raises(ValueError, match="rules:"):
            replace(rules, **wrong)
