"""Answers a request for a list: from the cache where that still holds, else live, else cheaper; always something."""

from collections.abc import Iterable
from typing import Any

import orjson

from recommender.config import Placement
from recommender.errors import Unavailable
from recommender.lists import PINNED
from recommender.pipeline import recommend as rank_live
from recommender.policy import Rules
from recommender.values import Queries, Scored
from serving.answers import Answer, Listed, encode_items, renumbered
from serving.list_request import ListRequest
from serving.question import build_rules
from serving.request_context import RequestContext, answer_of, asked_of, listed_of, look
from serving.services import Services
from serving.snapshot import Snapshot

NEXT_SECONDS = 1_800
"""How long a list can be continued after it was last shown."""


def recommend(services: Services, ask: ListRequest, barred: Iterable[str] = (), *, remembered: bool = True) -> Answer:
    """Return the list that ``ask`` is for, without the items in ``barred``.

    It can be continued unless whoever asks sees to that (not ``remembered``).
    Raises UnknownPlacement, FilterError and InvalidInput; a part that is down never raises.
    """
    context = look(services, ask)
    listed = None if barred else _still_good(context)
    answer = (
        _found(services, context, listed) if listed else _made(services, context, tuple(barred), remembered=remembered)
    )
    named = ask.user_id is not None or ask.visitor_id is not None
    services.metrics.count(answer, personal=context.customer is not None or not named)
    return answer


def _still_good(context: RequestContext) -> Listed | None:
    """Return the cached list if it may be shown as it is."""
    if context.peek is None or context.peek.entry is None:
        return None
    listed = Listed.unpacked(context.peek.entry)
    same = listed.token == context.snapshot.token and listed.revision == context.revision
    if not same or context.now >= listed.until:
        return None
    if listed.catalogue_revision >= context.snapshot.revision:
        return listed
    picky = context.ask.filter is not None or context.ask.boost is not None
    return None if picky or context.snapshot.changed_since(listed) else listed


def _found(services: Services, context: RequestContext, listed: Listed) -> Answer:
    return answer_of(services, context, listed, "cached", degraded=False)


def _made(services: Services, context: RequestContext, barred: tuple[str, ...], *, remembered: bool) -> Answer:
    asked, known = asked_of(services, context)
    limits = build_rules(context.snapshot, context.placement, asked, context.ask, barred)
    if _in_time(services, context):
        items, served_by = _live(services, context, asked.queries, limits), "live"
    else:
        items, served_by = _cheap(context, asked.queries, limits)
    listed = listed_of(context, asked, items)
    degraded = served_by != "live" or context.is_degraded(known=known)
    seconds = max(listed.until - int(context.now), 1)
    if context.peek is not None and not degraded and not barred:  # what avoids other lists' items is no list for others
        services.cache.store(context.customer, context.entry, context.revision, listed.packed(), seconds)
    if context.peek is not None and remembered:
        _remember(services, context, listed, barred, seconds)
    return answer_of(services, context, listed, served_by, degraded=degraded)


def _in_time(services: Services, context: RequestContext) -> bool:
    """Return whether the placement's own list is likely to be made in time; no other costs less than one unranked."""
    if context.ask.timeout_ms is None or context.placement.ranker is None:
        return True
    left = context.ask.timeout_ms / 1000 - (services.timer() - context.began)
    return services.pace.allows(context.ask.placement, left)


def _live(services: Services, context: RequestContext, asked: Queries, limits: Rules) -> bytes:
    began = services.timer()
    made = _ranked(context, context.placement, asked, limits)
    items = encode_items(made, context.snapshot.bundle.catalogue, context.ask.parts)
    services.pace.observe(context.ask.placement, services.timer() - began)
    return items


def _ranked(context: RequestContext, placement: Placement, asked: Queries, limits: Rules) -> tuple[Scored, ...]:
    bundle = context.snapshot.bundle
    if not len(bundle.catalogue):
        return ()
    return rank_live(bundle, placement, asked, limits, contributions="contributions" in context.ask.parts)[0].items


def _cheap(context: RequestContext, asked: Queries, limits: Rules) -> tuple[bytes, str]:
    """Return the last list of this kind, checked against the rules and filled up; else what is popular; pins first."""
    entry = context.peek.entry if context.peek else None
    old = _allowed(context.snapshot, Listed.unpacked(entry), limits) if entry else []
    kept = {context.snapshot.row_of(item["item_id"]) for item in old}
    cheapest = context.placement.model_copy(update={"ranker": None, "sources": ("popularity",)})
    made = _ranked(context, cheapest, asked, limits)
    fresh = [one for one in made if one.row not in kept]
    items = orjson.loads(encode_items(fresh, context.snapshot.bundle.catalogue, context.ask.parts))
    pins = sum(one.source == PINNED for one in fresh)
    return renumbered([*items[:pins], *old, *items[pins:]][: limits.count]), "stale" if old else "popular"


def _allowed(snapshot: Snapshot, old: Listed, limits: Rules) -> list[dict[str, Any]]:
    """Return the items of the old list that may still be shown, with their properties as they are now.

    What is or was pinned is left to the list that is made anew.
    """
    barred = {*limits.excluded.indices.tolist(), *limits.pins.tolist()}
    shown: list[dict[str, Any]] = []
    for item in orjson.loads(old.items):
        row = snapshot.row_of(item["item_id"])
        if row >= 0 and limits.eligible[row] and row not in barred and item["source"] != PINNED:
            if "properties" in item:
                item["properties"] = orjson.Fragment(snapshot.bundle.catalogue.properties[row].encode())
            shown.append(item)
    return shown


def _remember(
    services: Services, context: RequestContext, listed: Listed, barred: tuple[str, ...], seconds: int
) -> None:
    """Keep what the pages that follow need, for as long as the list may be shown and half an hour more."""
    again = context.ask.model_copy(update={"user_id": context.customer, "visitor_id": None})
    value = orjson.dumps({"ask": again.model_dump(mode="json"), "barred": barred, "shown": listed.item_ids()})
    try:
        services.served.remember(listed.list_id.decode(), value, seconds + NEXT_SECONDS)
    except Unavailable:
        return
