"""What shops call an event."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.event_names import ALIASES, SEPARATORS, canonical_name, event_type
from recommender.values import EventType


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("view", EventType.VIEW_ITEM),
        ("Impression", EventType.VIEW_ITEM_LIST),
        ("CLICK", EventType.SELECT_ITEM),
        ("cart", EventType.ADD_TO_CART),
        ("addtocart", EventType.ADD_TO_CART),
        ("wishlist", EventType.ADD_TO_WISHLIST),
        ("Buy", EventType.PURCHASE),
        ("Product Viewed", EventType.VIEW_ITEM),
        ("Product List Viewed", EventType.VIEW_ITEM_LIST),
        ("Product Clicked", EventType.SELECT_ITEM),
        ("Product Added", EventType.ADD_TO_CART),
        ("Product Removed", EventType.REMOVE_FROM_CART),
        ("Product Added to Wishlist", EventType.ADD_TO_WISHLIST),
        ("Cart Viewed", EventType.VIEW_CART),
        ("Order Completed", EventType.PURCHASE),
        ("Order Refunded", EventType.REFUND),
        ("Products Searched", EventType.SEARCH),
        ("detail-page-view", EventType.VIEW_ITEM),
        ("add-to-cart", EventType.ADD_TO_CART),
        ("shopping-cart-page-view", EventType.VIEW_CART),
        ("purchase-complete", EventType.PURCHASE),
        ("email_open", EventType.EMAIL_OPEN),
        ("home-page-view", EventType.OTHER),
        ("购买", EventType.PURCHASE),
        ("逛逛", EventType.OTHER),
        ("other", EventType.OTHER),
        ("", EventType.OTHER),
    ],
)
def test_a_name_means_an_event_type(name: str, event: EventType) -> None:
    assert event_type(name) is event


@given(st.sampled_from([event for event in EventType if event is not EventType.OTHER]))
def test_every_type_is_found_by_its_canonical_name(event: EventType) -> None:
    assert event_type(canonical_name(event)) is event


@given(st.sampled_from(sorted(ALIASES)), st.sampled_from(SEPARATORS), st.data())
def test_case_and_separators_do_not_matter(key: str, separator: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(key)))
    assert event_type(f" {key[:cut].upper()}{separator}{key[cut:]}") is ALIASES[key]
