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
from serving.ask import Ask
from serving.question import build_rules
from serving.services import Services
from serving.shelf import Shelf
from serving.visit import Visit, answer_of, asked_of, listed_of, look

NEXT_SECONDS = 1_800
"""How long a list can be continued after it was last shown."""


def recommend(services: Services, ask: Ask, barred: Iterable[str] = (), *, remembered: bool = True) -> Answer:
    """Return the list that ``ask`` is for, without the items in ``barred``.

    It can be continued unless whoever asks sees to that (not ``remembered``).
    Raises UnknownPlacement, FilterError and InvalidInput; a part that is down never raises.
    """
    visit = look(services, ask)
    listed = None if barred else _still_good(visit)
    answer = _found(services, visit, listed) if listed else _made(services, visit, tuple(barred), remembered=remembered)
    named = ask.user_id is not None or ask.visitor_id is not None
    services.metrics.count(answer, personal=visit.customer is not None or not named)
    return answer


def _still_good(visit: Visit) -> Listed | None:
    """Return the cached list if it may be shown as it is."""
    if visit.peek is None or visit.peek.entry is None:
        return None
    listed = Listed.unpacked(visit.peek.entry)
    same = listed.token == visit.shelf.token and listed.revision == visit.revision
    if not same or visit.now >= listed.until:
        return None
    if listed.stock >= visit.shelf.revision:
        return listed
    picky = visit.ask.filter is not None or visit.ask.boost is not None
    return None if picky or visit.shelf.changed_since(listed) else listed


def _found(services: Services, visit: Visit, listed: Listed) -> Answer:
    return answer_of(services, visit, listed, "cached", degraded=False)


def _made(services: Services, visit: Visit, barred: tuple[str, ...], *, remembered: bool) -> Answer:
    asked, known = asked_of(services, visit)
    limits = build_rules(visit.shelf, visit.placement, asked, visit.ask, barred)
    if _in_time(services, visit):
        items, served_by = _live(services, visit, asked.queries, limits), "live"
    else:
        items, served_by = _cheap(visit, asked.queries, limits)
    listed = listed_of(visit, asked, items)
    degraded = served_by != "live" or visit.is_degraded(known=known)
    seconds = max(listed.until - int(visit.now), 1)
    if visit.peek is not None and not degraded and not barred:  # what avoids other lists' items is no list for others
        services.cache.store(visit.customer, visit.entry, visit.revision, listed.packed(), seconds)
    if visit.peek is not None and remembered:
        _remember(services, visit, listed, barred, seconds)
    return answer_of(services, visit, listed, served_by, degraded=degraded)


def _in_time(services: Services, visit: Visit) -> bool:
    """Return whether the placement's own list is likely to be made in time; no other costs less than one unranked."""
    if visit.ask.timeout_ms is None or visit.placement.ranker is None:
        return True
    left = visit.ask.timeout_ms / 1000 - (services.timer() - visit.began)
    return services.pace.allows(visit.ask.placement, left)


def _live(services: Services, visit: Visit, asked: Queries, limits: Rules) -> bytes:
    began = services.timer()
    made = _ranked(visit, visit.placement, asked, limits)
    items = encode_items(made, visit.shelf.bundle.catalogue, visit.ask.parts)
    services.pace.observe(visit.ask.placement, services.timer() - began)
    return items


def _ranked(visit: Visit, placement: Placement, asked: Queries, limits: Rules) -> tuple[Scored, ...]:
    bundle = visit.shelf.bundle
    if not len(bundle.catalogue):
        return ()
    return rank_live(bundle, placement, asked, limits, contributions="contributions" in visit.ask.parts)[0].items


def _cheap(visit: Visit, asked: Queries, limits: Rules) -> tuple[bytes, str]:
    """Return the last list of this kind, checked against the rules and filled up; else what is popular; pins first."""
    entry = visit.peek.entry if visit.peek else None
    old = _allowed(visit.shelf, Listed.unpacked(entry), limits) if entry else []
    kept = {visit.shelf.row_of(item["item_id"]) for item in old}
    cheapest = visit.placement.model_copy(update={"ranker": None, "sources": ("popularity",)})
    made = _ranked(visit, cheapest, asked, limits)
    fresh = [one for one in made if one.row not in kept]
    items = orjson.loads(encode_items(fresh, visit.shelf.bundle.catalogue, visit.ask.parts))
    pins = sum(one.source == PINNED for one in fresh)
    return renumbered([*items[:pins], *old, *items[pins:]][: limits.count]), "stale" if old else "popular"


def _allowed(shelf: Shelf, old: Listed, limits: Rules) -> list[dict[str, Any]]:
    """Return the items of the old list that may still be shown, with their properties as they are now.

    What is or was pinned is left to the list that is made anew.
    """
    barred = {*limits.excluded.indices.tolist(), *limits.pins.tolist()}
    shown: list[dict[str, Any]] = []
    for item in orjson.loads(old.items):
        row = shelf.row_of(item["item_id"])
        if row >= 0 and limits.eligible[row] and row not in barred and item["source"] != PINNED:
            if "properties" in item:
                item["properties"] = orjson.Fragment(shelf.bundle.catalogue.properties[row].encode())
            shown.append(item)
    return shown


def _remember(services: Services, visit: Visit, listed: Listed, barred: tuple[str, ...], seconds: int) -> None:
    """Keep what the pages that follow need, for as long as the list may be shown and half an hour more."""
    again = visit.ask.model_copy(update={"user_id": visit.customer, "visitor_id": None})
    value = orjson.dumps({"ask": again.model_dump(mode="json"), "barred": barred, "shown": listed.item_ids()})
    try:
        services.served.remember(listed.list_id.decode(), value, seconds + NEXT_SECONDS)
    except Unavailable:
        return
