"""What a customer must not see is in no list, whichever way it is made; checked against a plain, slow reference."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from serving.settings import Settings
from tests.serving import shop
from tests.serving.test_events import send

NOW, DAY = shop.NOW, shop.DAY
RULES = """
[placements.{name}.exclude]
in_cart = true
bought_within_days = 20
consumable_categories = ["Home > Kitchen"]
refunded_or_disliked = true
seen_without_click = 2
"""
PLACEMENTS = ("home", "popular", "new", "product")
CLICKS = {"select_item", "view_item", "add_to_cart", "add_to_wishlist", "purchase", "like"}
NAMES = [*sorted(CLICKS), "view_item_list", "remove_from_cart", "refund", "dislike"]
EVENTS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from([*shop.CAMPING[:3], *shop.KITCHEN[:2]])), max_size=25
)
numbers = count()


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "tagalong.toml").write_text("".join(RULES.format(name=name) for name in PLACEMENTS))
    return settings.model_copy(update={"config": tmp_path / "tagalong.toml"})


def trained(user: str) -> list[tuple[str, str, int]]:
    rows = shop.tables().events.to_pylist()
    return [(r["event"], r["item_id"], int(r["timestamp"].timestamp())) for r in rows if r["user_id"] == user]


def excluded(history: list[tuple[str, str, int]]) -> set[str]:
    """Return what must not be shown, one event at a time."""
    cart, bought, bad, seen = set(), {}, {}, {}
    for event, item, time in sorted(history, key=lambda e: e[2]):
        if event == "add_to_cart":
            cart.add(item)
        if event in ("remove_from_cart", "purchase"):
            cart.discard(item)
        if event == "purchase":
            bought[item] = time
            bad.pop((item, "refund"), None)
        if event == "refund":
            bought.pop(item, None)
            bad[item, "refund"] = True
        if event == "dislike":
            bad[item, "dislike"] = True
        if event == "like":
            bad.pop((item, "dislike"), None)
        if event == "view_item_list":
            seen[item] = seen.get(item, 0) + 1
        if event in CLICKS:
            seen[item] = 0
    recent = {i for i, time in bought.items() if time > NOW - 20 * DAY and i not in shop.KITCHEN}
    return cart | recent | {item for item, _ in bad} | {item for item, times in seen.items() if times >= 2}


def shown(client: FlaskClient, **fields: Any) -> set[str]:
    answer = client.post("/v1/recommendations", json={"count": 200, "diversity": False, **fields}).json
    return {item["item_id"] for item in answer["items"]}


@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS, placement=st.sampled_from(PLACEMENTS))
def test_no_list_holds_what_a_customer_must_not_see_and_none_misses_what_they_may(
    client: FlaskClient, events: list[tuple[str, str]], placement: str
) -> None:
    user, start = f"x{next(numbers)}", NOW - 100
    history = [(name, item, start + n) for n, (name, item) in enumerate(events)]
    rows = [{"user_id": user, "event": e, "item_id": i, "timestamp": t} for e, i, t in history]
    if rows:
        send(client, *rows)
    every = set(shop.CAMPING + shop.KITCHEN) - {"whisk"}
    ask = {"user_id": user, "placement": placement, "item_ids": ["whisk"]}
    for more in ({}, {}, {"timeout_ms": 1}):
        assert shown(client, **ask, **more) - {"whisk"} == every - excluded(history)


def test_what_the_bundle_knows_and_what_happened_since_count_together(client: FlaskClient) -> None:
    for user in ("u0", "u1"):
        history = trained(user)
        assert shown(client, user_id=user, placement="popular") == set(shop.CAMPING + shop.KITCHEN) - excluded(history)
        item = next(i for e, i, t in history if t > NOW - 20 * DAY)
        send(client, {"user_id": user, "event": "refund", "item_id": item, "timestamp": NOW - 5})
        history.append(("refund", item, NOW - 5))
        assert shown(client, user_id=user, placement="popular") == set(shop.CAMPING + shop.KITCHEN) - excluded(history)
