"""Tags that the same customers turn to bring each other; tags that everybody has, or few have, bring nothing."""

import numpy as np

from features.tag_pairs import learn_brings
from recommender.values import EventType, Histories
from tests.recommender.little_shop import catalogue

TAGS = {"camping": 3, "cooking": 3, "garden": 3, "milk": 3, "rare": 3}
SHOP = catalogue([{"item_id": f"{tag}-{n}", "tags": [tag]} for tag, count in TAGS.items() for n in range(count)])


def histories(*customers: set[str]) -> Histories:
    rows = [[SHOP.items.row(f"{tag}-{n}") for tag in sorted(tags) for n in range(2)] for tags in customers]
    item = np.array([row for customer in rows for row in customer], np.int32)
    ones = np.ones(len(item), np.float32)
    event = np.full(len(item), EventType.PURCHASE, np.int8)
    return Histories(np.cumsum([0, *map(len, rows)]), item, event, np.arange(len(item)), ones, ones)


def test_tags_of_the_same_customers_bring_each_other() -> None:
    campers, others = [{"camping", "cooking", "milk"}] * 20, [{"garden", "milk"}] * 60
    found = learn_brings(histories(*campers, *others), SHOP)
    assert found == {"camping": {"cooking": 0.5}, "cooking": {"camping": 0.5}}


def test_too_few_customers_prove_nothing_and_nobody_proves_nothing() -> None:
    few = [{"rare", "cooking"}] * 9 + [{"milk"}] * 50
    assert learn_brings(histories(*few), SHOP) == {}
    assert learn_brings(Histories.empty(0), SHOP) == {}
    assert learn_brings(Histories.empty(3), catalogue([{"item_id": "a"}])) == {}
