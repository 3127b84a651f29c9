"""An example of every call, for the description and the page."""

import json
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

IN_PATHS = {"user_id": "42", "item_id": "tent", "tag": "camping", "rec_id": "r-0000", "receipt": "e-0000"}
"""By name."""
IN_QUERIES: Mapping[str, Mapping[str, Any]] = {
    "item_bought_together": {"count": 4},
    "item_similar": {"count": 8, "filter": "in_stock"},
    "items_page": {"limit": 20, "filter": "price < 40"},
    "explain_item": {"user_id": "42", "item_id": "tent"},
    "popular": {"count": 10, "filter": "price between 10 and 80"},
    "readyz": {"for": "lists"},
    "recommendations_next": {"after": 10, "count": 10},
    "user_buy_again": {"count": 6},
    "user_recommendations": {"placement": "home", "count": 10},
}
"""By operation."""
BODIES: Mapping[str, Any] = {
    "recommendations": {
        "placement": "home",
        "user_id": "42",
        "count": 5,
        "filter": "in_stock and price between 10 and 80",
    },
    "recommendations_batch": {
        "user_id": "42",
        "distinct": True,
        "requests": [{"placement": "product", "item_ids": ["tent"], "count": 4}, {"placement": "home", "count": 8}],
    },
    "rank_items": {"user_id": "42", "item_ids": ["tent", "stove", "lamp"]},
    "events": {
        "events": [
            {"event_id": "e-1", "event": "view", "visitor_id": "v-7", "item_id": "tent", "channel": "web"},
            {"event_id": "e-2", "event": "purchase", "user_id": "42", "item_id": "stove", "quantity": 1, "price": 39.9},
        ]
    },
    "items_bulk": {"items": [{"item_id": "tent", "in_stock": False}, {"item_id": "stove", "price": "34.90"}]},
    "item_put": {
        "title": "Two-person tent",
        "category": "Outdoor > Camping > Tents",
        "tags": ["camping", "lightweight-gear"],
        "price": "149.00",
        "in_stock": 12,
    },
    "users_bulk": {"users": [{"user_id": "42", "tags": ["camping"]}, {"user_id": "43", "consent_email": True}]},
    "user_put": {"tags": ["camping"], "birthday": "05-17", "language": "en", "attributes": {"shoe_size": 42}},
    "user_patch": {"consent_email": False, "region": None, "attributes": {"shoe_size": 43}},
    "tag_put": {"weight": 2.0},
    "preferences_put": {"personalize": False},
    "merge_post": {"visitor_id": "v-7"},
}
"""By operation."""
NEEDS_NO_BODY = frozenset({"tag_put"})
"""Operations whose body may be left out."""


def exemplify(operation: dict[str, Any]) -> None:
    """Give an operation its example, and say whether it needs a body."""
    name = operation["operationId"]
    for parameter in operation.get("parameters", ()):
        examples = IN_PATHS if parameter["in"] == "path" else IN_QUERIES.get(name, {})
        if parameter["name"] in examples:
            parameter["example"] = examples[parameter["name"]]
    if "requestBody" in operation:
        operation["requestBody"]["required"] = name not in NEEDS_NO_BODY
        for content in operation["requestBody"]["content"].values():
            content["example"] = BODIES[name]


def command(host: str, method: str, path: str, operation: Mapping[str, Any]) -> str:
    """Return a command line that makes the call as its example has it."""
    given: dict[str, dict[str, str]] = {"path": {}, "query": {}}
    for one in operation.get("parameters", ()):
        if "example" in one:
            given[one["in"]][one["name"]] = one["example"]
    url = host + path.format_map({name: quote(value, safe="") for name, value in given["path"].items()})
    url += f"?{urlencode(given['query'], quote_via=quote)}" if given["query"] else ""
    parts = ["curl -s", *([f"-X {method}"] if method in ("PUT", "PATCH", "DELETE") else []), shlex.quote(url)]
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        parts += [f"\\\n  -H 'Content-Type: {kind}'", f"\\\n  -d {shlex.quote(json.dumps(content['example']))}"]
    return " ".join(parts)
