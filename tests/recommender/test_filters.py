"""Filters and boosts say what they mean, on every item, and say where they are wrong."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import FilterError
from recommender.filters import compile_boost, compile_filter
from tests.recommender.little_shop import catalogue

SHOP = catalogue(
    [
        {"item_id": "mug", "category": "Home > Kitchen", "brand": "Acme", "price": 8, "list_price": 10},
        {"item_id": "rope", "category": "Outdoor", "price": 30, "in_stock": False, "tags": ["camping", "climbing"]},
        {"item_id": "stove", "category": "Outdoor > Cooking", "brand": "acme", "price": 80, "tags": ["camping"]},
        {"item_id": "tent", "category": "Outdoor > Tents", "brand": "Acme", "price": 200, "first_seen": 1_767_225_600},
        {"item_id": "unknown", "pack size": "5 l", "weight": 0.5},
    ]
)


def found(expression: str) -> list[str]:
    """Return the ids of the items that a filter lets through."""
    return [SHOP.items[int(row)] for row in np.flatnonzero(compile_filter(expression, SHOP))]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("in_stock and price between 10 and 80", ["stove"]),
        ("'camping' in tags", ["rope", "stove"]),
        ("'camping' not in tags", ["mug", "tent", "unknown"]),
        ("'sailing' in tags", []),
        ("not 'sailing' in tags and price > 100", ["tent"]),
        ("category = 'Outdoor'", ["rope", "stove", "tent"]),
        ("category = 'Outdoor>Tents'", ["tent"]),
        ("category = 'Out'", []),
        ("category != 'Outdoor'", ["mug"]),
        ("category in ('Outdoor > Tents', 'Home')", ["mug", "tent"]),
        ("category like '%Cook%'", ["stove"]),
        ("brand = 'Acme'", ["mug", "tent"]),
        ("not brand = 'Acme'", ["stove"]),
        ("brand ilike 'AC%E'", ["mug", "stove", "tent"]),
        ("brand not like 'a%'", ["mug", "tent"]),
        ("brand like 'ac_e'", []),
        ("brand is null", ["rope", "unknown"]),
        ("price is not null and brand is null", ["rope"]),
        ("discount > 0.1", ["mug"]),
        ("list_price - price = 2", ["mug"]),
        ("price / (price - price) > 1", []),
        ("100 <= price", ["tent"]),
        ("'Acme' = brand", ["mug", "tent"]),
        ("'2026-01-01' <= first_seen", ["tent"]),
        ("price in (8, 30)", ["mug", "rope"]),
        ("price not in (8, 30)", ["stove", "tent"]),
        ("price = -(-8)", ["mug"]),
        ("first_seen >= '2026-01-01'", ["tent"]),
        ("first_seen >= '2026-01-01T01:00:00+02:00'", ["tent"]),
        ("first_seen > '2026-01-01'", []),
        ("first_seen is null and price > 50", ["stove"]),
        ("\"pack size\" = '5 l'", ["unknown"]),
        ("weight < 1", ["unknown"]),
        ("item_id in ('tent', 'mug', 'ghost')", ["mug", "tent"]),
        ("hidden", []),
        ("in_stock = false", ["rope"]),
        ("in_stock is not true or brand = 'acme'", ["rope", "stove"]),
        ("true and not (hidden or in_stock)", ["rope"]),
        ("price\n>\t100", ["tent"]),
    ],
)
def test_a_filter_lets_through_what_it_says(expression: str, expected: list[str]) -> None:
    assert found(expression) == expected


@pytest.mark.parametrize(
    ("expression", "position", "detail"),
    [
        ("", 0, "is empty"),
        ("in_stock and pric > 5", 13, "did you mean 'price'?"),
        ("price >", 6, "cannot be read"),
        ("in_stock and price > > 5", 13, "not a condition"),
        ("price between 1", 14, "cannot be read"),
        ("brand = 'abc", 8, "not closed"),
        ("(price > 5", 9, "cannot be read"),
        ("price > 5)", 9, "cannot be read"),
        ("price > 5; drop", 9, "';'"),
        ("price > 5 -- all", 10, "'--'"),
        ("in_stock or price", 12, "compare it"),
        ("price > 'x'", 8, "not a number"),
        ("brand = 3", 8, "single quotes"),
        ("brand > 'a'", 0, "is text"),
        ("tags = 'a'", 0, "list of tags"),
        ("first_seen > 'soon'", 13, "not a date"),
        ("sum(price) > 3", 0, "no function"),
        ("price > (select)", 9, "not a column"),
        ("brand in (select 1)", 17, "cannot be read"),
        ("price::int > 3", 5, "'::'"),
        ("1 < price < 9", 0, "not a number"),
        ("price > 1e999", 8, "too large"),
        ("price > 1e", 8, "not a number"),
        (" or ".join(["brand like 'a%'"] * 11), 196, "more than 10 patterns"),
        ("price in ()", 0, "needs a column"),
        ("price = null", 0, "not a number"),
        ("x" * 2001, 2000, "longer"),
        ("(" * 100 + "in_stock" + ")" * 100, 20, "nested"),
        ("not " * 100 + "in_stock", 80, "nested"),
        ("1" + " + 1" * 400, 600, "more than 300"),
        ("{{ price }} > 1", 0, "'{'"),
        ("in_stock = 'x'", 11, "neither true nor false"),
        ("price like '1%'", 0, "needs a column of text"),
        ("brand is 'Acme'", 0, "null, true or false"),
    ],
)
def test_a_wrong_filter_says_where_and_why(expression: str, position: int, detail: str) -> None:
    with pytest.raises(FilterError) as refused:
        compile_filter(expression, SHOP)
    assert (refused.value.field, refused.value.position) == ("filter", position)
    assert detail in refused.value.detail


@given(st.text(max_size=80) | st.text("()'\" <>=-andortipce%.", max_size=60))
def test_any_text_is_a_filter_or_a_filter_error(expression: str) -> None:
    position = 0
    try:
        compile_filter(expression, SHOP)
    except FilterError as error:
        position = error.position
    assert 0 <= position <= len(expression)


def test_only_what_stands_inside_one_another_counts_as_nested() -> None:
    assert found(" and ".join(["not brand = 'nobody'"] * 30)) == found("not brand = 'nobody'")
    assert found(f"price in ({', '.join(f'-{number}' for number in range(1, 31))})") == []
    for deep in ("not " * 21 + "in_stock", "not (" * 21 + "in_stock" + ")" * 21, "price > " + "- " * 21 + "1"):
        with pytest.raises(FilterError, match="nested too deeply"):
            found(deep)


def test_a_filter_may_ask_for_the_tags_of_the_customer_who_asks() -> None:
    mask = compile_filter("tags in customer_tags and 'climbing' in customer_tags", SHOP, own=("climbing", "sailing"))
    assert [SHOP.items[int(row)] for row in np.flatnonzero(mask)] == ["rope"]
    assert found("tags in customer_tags or 'climbing' in customer_tags") == []


def test_a_boost_counts_conditions_and_leaves_missing_numbers_alone() -> None:
    lift = compile_boost("2 * (brand = 'Acme') + ('camping' in tags) - in_stock", SHOP)
    np.testing.assert_allclose(lift, [1, 1, 0, 1, -1])
    np.testing.assert_allclose(compile_boost("discount", SHOP), [0.2, 0, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(compile_boost("1.5", SHOP), [1.5] * 5)
    with pytest.raises(FilterError, match="not a number"):
        compile_boost("brand", SHOP)


Item = Mapping[str, Any]
Answer = bool | None
Condition = tuple[str, Callable[[Item], Answer]]

ITEM = st.fixed_dictionaries(
    {
        "price": st.none() | st.integers(0, 4),
        "list_price": st.none() | st.integers(0, 4),
        "brand": st.none() | st.sampled_from(["a", "b", "ab"]),
        "category": st.none() | st.sampled_from(["A", "A > B", "A > BC", "C"]),
        "in_stock": st.booleans(),
        "tags": st.lists(st.sampled_from(["x", "y"]), unique=True),
    }
)
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def comparing(operator: str, left: str, right: int | str) -> Condition:
    def answer(item: Item) -> Answer:
        other = item[right] if isinstance(right, str) else right
        return None if item[left] is None or other is None else OPERATORS[operator](item[left], other)

    return f"{left} {operator} {right}", answer


def within(low: int, high: int) -> Condition:
    return f"price between {low} and {high}", lambda i: None if i["price"] is None else low <= i["price"] <= high


def being(column: str, value: str) -> Condition:
    def answer(item: Item) -> Answer:
        text = item[column]
        below = column == "category" and text is not None and text.startswith(value + " > ")
        return None if text is None else text == value or below

    return f"{column} = '{value}'", answer


def negated(condition: Condition) -> Condition:
    text, answer = condition
    return f"not ({text})", lambda item: None if answer(item) is None else not answer(item)


def joined(word: str, parts: list[Condition]) -> Condition:
    decisive = word == "or"

    def answer(item: Item) -> Answer:
        answers = [part(item) for _, part in parts]
        if decisive in answers:
            return decisive
        return None if None in answers else not decisive

    return f" {word} ".join(f"({text})" for text, _ in parts), answer


def tagged(tag: str) -> Condition:
    return f"'{tag}' in tags", lambda item: tag in item["tags"]


def missing(column: str) -> Condition:
    return f"{column} is null", lambda item: item[column] is None


LEAF = st.one_of(
    st.builds(comparing, st.sampled_from(list(OPERATORS)), st.just("price"), st.integers(0, 4) | st.just("list_price")),
    st.builds(within, st.integers(0, 4), st.integers(0, 4)),
    st.builds(being, st.just("brand"), st.sampled_from(["a", "b", "none"])),
    st.builds(being, st.just("category"), st.sampled_from(["A", "A > B", "C"])),
    st.builds(missing, st.sampled_from(["price", "brand", "category"])),
    st.builds(tagged, st.sampled_from(["x", "y", "z"])),
    st.just(("in_stock", lambda item: item["in_stock"])),
)
CONDITION = st.recursive(
    LEAF,
    lambda inner: (
        st.builds(negated, inner)
        | st.builds(joined, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3))
    ),
    max_leaves=8,
)


@given(CONDITION, st.lists(ITEM, min_size=1, max_size=6))
def test_a_filter_agrees_with_asking_each_item_in_turn(condition: Condition, items: list[dict[str, Any]]) -> None:
    text, answer = condition
    shop = catalogue([{**item, "item_id": str(at)} for at, item in enumerate(items)])
    assert compile_filter(text, shop).tolist() == [answer(item) is True for item in items]
