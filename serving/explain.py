"""The order of given items, and why an item is, or is not, in a list."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from recommender.errors import InvalidInput, NotFound
from recommender.lists import Ordered
from recommender.pipeline import explain as explain_live
from recommender.pipeline import rank as rank_live
from recommender.policy import exclusions_by_rule, why_ineligible
from recommender.values import Scored
from serving.answers import Answer, encode_items, renumbered
from serving.list_request import ExplainRequest, ListRequest, RankRequest
from serving.question import Asked, build_mask, build_rules, known_placement
from serving.request_context import RequestContext, answer_of, asked_of, listed_of, look
from serving.services import Services


def rank(services: Services, asked: RankRequest) -> Answer:
    """Return the given items in the order of the customer's taste; those nobody knows come last, without a score.

    None is left out: of one that no list would hold, it says why.
    """
    ask = ListRequest(
        user_id=asked.user_id, visitor_id=asked.visitor_id, personalize=asked.personalize, placement=asked.placement
    )
    if known_placement(services.snapshots.current, asked.placement).needs_items:
        raise InvalidInput("placement", f"{asked.placement!r} is about items on a page; order by one such as home")
    context = look(services, ask)
    question, known = asked_of(services, context)
    bundle = context.snapshot.bundle
    rows = {item: context.snapshot.row_of(item) for item in dict.fromkeys(asked.item_ids)}
    placed = np.array([row for row in rows.values() if row >= 0], np.int32)
    scored = list(_scored(rank_live(bundle, context.placement, question.queries, placed))) if len(placed) else []
    items: list[dict[str, Any]] = orjson.loads(encode_items(scored, bundle.catalogue, ask.parts))
    for item, one in zip(items, scored, strict=True):
        if (why := why_ineligible(bundle.catalogue, one.row, int(context.now))) is not None:
            item["off_sale"] = why
    items += [{"item_id": item, "score": None, "source": "unknown"} for item, row in rows.items() if row < 0]
    degraded = context.is_degraded(known=known)
    return answer_of(services, context, listed_of(context, question, renumbered(items)), "live", degraded=degraded)


def _scored(lists: Ordered) -> Iterator[Scored]:
    for column in np.flatnonzero(lists.rows[0] >= 0):
        yield Scored(int(lists.rows[0, column]), float(lists.score[0, column]), lists.source_name(0, column))


def explain(services: Services, asked: ExplainRequest) -> dict[str, Any]:
    """Return where the item ranks, what each source says of it, or the rule that keeps it out. Raises NotFound."""
    given = asked.model_dump(exclude={"item_id"})
    context = look(services, ListRequest.model_validate(given))
    row = context.snapshot.row_of(asked.item_id)
    if row < 0:
        raise NotFound("item", asked.item_id)
    question, known = asked_of(services, context)
    limits = build_rules(context.snapshot, context.placement, question, context.ask)
    found = explain_live(context.snapshot.bundle, context.placement, question.queries, limits, row)
    return {
        "item_id": asked.item_id,
        "placement": asked.placement,
        "rank": found.rank,
        "score": found.score,
        "dropped_by": None if found.allowed else _dropped_by(context, question, row),
        "signals": dict(found.signals),
        "contributions": dict(found.contributions),
        "reasons": [{"code": r.code, "evidence": r.evidence} for r in found.reasons],
        "model": context.snapshot.model,
        "degraded": context.is_degraded(known=known),
    }


def _dropped_by(context: RequestContext, question: Asked, row: int) -> str:
    """Return the name of the first rule that keeps the item out."""
    catalogue, ask = context.snapshot.bundle.catalogue, context.ask
    if (why := why_ineligible(catalogue, row, int(context.now))) is not None:
        return why
    if ask.filter is not None and not build_mask(context.snapshot, ask.filter, question.own)[row]:
        return "filter"
    queries = question.queries
    by_rule = exclusions_by_rule(queries.histories, context.placement.exclude, catalogue, queries.now)
    return next((name for name, found in by_rule.items() if row in found.indices), "named_in_request")
