"""What shops call an event, and which event type that is.

Canonical names are GA4's. Beside them stand short words, Chinese ones too, the names of Segment's e-commerce
specification and of Google Retail's user events. Case, spaces and punctuation between words do not matter.
"""

import re
from collections.abc import Mapping

from recommender.values import EventType

_OTHER_NAMES: Mapping[EventType, tuple[str, ...]] = {
    EventType.VIEW_ITEM_LIST: ("impression", "product list viewed", "category-page-view", "exposure", "shown"),
    EventType.SELECT_ITEM: ("click", "product clicked", "select_content", "item click"),
    EventType.VIEW_ITEM: ("view", "product viewed", "detail-page-view", "page view", "pv", "item view", "detail"),
    EventType.ADD_TO_CART: ("cart", "product added", "add", "basket", "add to basket", "add to bag"),
    EventType.REMOVE_FROM_CART: ("product removed", "uncart", "remove", "remove from basket"),
    EventType.ADD_TO_WISHLIST: ("wishlist", "product added to wishlist", "favorite", "favourite", "fav", "save"),
    EventType.VIEW_CART: ("cart viewed", "shopping-cart-page-view", "view basket"),
    EventType.PURCHASE: ("buy", "order completed", "purchase-complete", "order", "transaction", "bought", "sale"),
    EventType.REFUND: ("order refunded", "return", "returned", "product returned"),
    EventType.SEARCH: ("products searched", "view_search_results"),
    EventType.RATE: ("rating", "product reviewed", "review", "rated"),
    EventType.LIKE: ("thumbs up", "liked", "upvote"),
    EventType.DISLIKE: ("thumbs down", "disliked", "downvote", "not interested"),
    EventType.EMAIL_OPEN: ("email opened", "open"),
    EventType.EMAIL_CLICK: ("email clicked", "email link clicked"),
    EventType.UNSUBSCRIBE: ("unsubscribed", "email unsubscribed"),
}
_CHINESE: Mapping[EventType, tuple[str, ...]] = {
    EventType.VIEW_ITEM_LIST: ("曝光",),
    EventType.SELECT_ITEM: ("点击",),
    EventType.VIEW_ITEM: ("浏览",),
    EventType.ADD_TO_CART: ("加购", "加入购物车"),
    EventType.ADD_TO_WISHLIST: ("收藏",),
    EventType.PURCHASE: ("购买", "下单"),
    EventType.REFUND: ("退货", "退款"),
    EventType.SEARCH: ("搜索",),
    EventType.RATE: ("评价",),
    EventType.UNSUBSCRIBE: ("退订",),
}

SEPARATORS = " \t-_.:/"
"""What may stand between the words of a name, or be left out."""

_SEPARATOR = re.compile(f"[{re.escape(SEPARATORS)}]+")

WITHOUT_ITEM = frozenset(
    {EventType.SEARCH, EventType.VIEW_CART, EventType.EMAIL_OPEN, EventType.EMAIL_CLICK, EventType.UNSUBSCRIBE}
)
"""Types that make sense without an item; every other event must name one."""


def canonical_name(event: EventType) -> str:
    """Return GA4's name of an event type: ``view_item``."""
    return event.name.lower()


def _key(name: str) -> str:
    return _SEPARATOR.sub("", name).lower()


ALIASES: Mapping[str, EventType] = {
    _key(canonical_name(event)): event for event in EventType if event is not EventType.OTHER
} | {_key(name): event for table in (_OTHER_NAMES, _CHINESE) for event, names in table.items() for name in names}
"""From a name in lower case without separators to its type; canonical names first."""


def event_type(name: str) -> EventType:
    """Return the type that a name means; ``OTHER`` where nobody knows it."""
    return ALIASES.get(_key(name), EventType.OTHER)
