"""A rule's tag becomes a tag of the items that the rule is about."""

import numpy as np

from features.rule_tags import with_rule_tags
from features.tagging import tagging, tags_of, vectors
from recommender.config import Config, TagRule
from recommender.values import EventType, Histories
from tests.recommender.little_shop import catalogue

SHOP = catalogue(
    [
        {"item_id": "lamp", "category": "Home"},
        {"item_id": "stove", "category": "Outdoor > Camping", "tags": ["gas"]},
        {"item_id": "tent", "category": "Outdoor > Camping"},
    ]
)
RULE = TagRule(tag="camping", when="category = 'Outdoor'", count=2)


def test_items_of_the_rule_carry_its_tag_and_keep_vectors_of_length_one() -> None:
    tagged = with_rule_tags(SHOP, [RULE])
    assert list(tagged.tag_names) == ["tag:camping", "tag:gas"]
    dense = tagged.tags.toarray()
    assert dense[0].tolist() == [0, 0]
    np.testing.assert_allclose(dense[1], [1 / np.sqrt(5), 2 / np.sqrt(5)], rtol=1e-6)
    np.testing.assert_allclose(dense[2], [1, 0], rtol=1e-6)


def test_a_tag_that_items_carry_already_and_a_rule_about_nothing_change_nothing() -> None:
    assert with_rule_tags(SHOP, [TagRule(tag="gas", when="category = 'Outdoor'")]) is SHOP
    assert with_rule_tags(SHOP, [TagRule(tag="x", when="category = 'Nowhere'"), TagRule(tag="y")]) is SHOP


def views(*items: int) -> Histories:
    size, none = len(items), np.ones(len(items), np.float32)
    event = np.full(size, EventType.VIEW_ITEM, np.int8)
    return Histories(np.array([0, size]), np.array(items, np.int32), event, np.arange(size), none, none)


def test_a_tag_that_the_vocabulary_lacks_is_told_by_the_traits_of_its_items() -> None:
    rules = tagging(SHOP, Config(tag_rules=(RULE,)))
    found = tags_of(rules, views(1, 2), [()], [frozenset()], now=10)
    assert [tag.name for tag in found[0]] == ["camping"]
    assert vectors(rules, found).toarray().round(2).tolist() == [[1.0]]
    tagged = with_rule_tags(SHOP, [RULE])
    rules = tagging(tagged, Config(tag_rules=(RULE,)))
    assert vectors(rules, tags_of(rules, views(1, 2), [()], [frozenset()], now=10)).toarray().round(2).tolist() == [
        [1, 0]
    ]


def test_nobody_and_no_rules_give_no_vectors() -> None:
    rules = tagging(SHOP, Config())
    assert vectors(
        rules, tags_of(rules, Histories.empty(2), [(), ()], [frozenset()] * 2, now=0)
    ).toarray().tolist() == [
        [0.0],
        [0.0],
    ]
