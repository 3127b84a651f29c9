"""More than one list at a time: several placements of one page, and the next page of one list."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from recommender.errors import InvalidInput, NotFound
from serving.answers import Answer, renumbered
from serving.list_request import ListBatchRequest, ListRequest
from serving.recommend import NEXT_SECONDS, recommend
from serving.services import Services

REC_ID = re.compile("[0-9a-f]{16}(-[0-9a-f]{8})?")
"""A list's id, and what tells its answers apart."""


def batch(
    services: Services, ask: ListBatchRequest, parts: Iterable[ListRequest | InvalidInput]
) -> Iterator[Answer | InvalidInput]:
    """Yield for each of ``parts`` its answer, or what is wrong with it; if ``distinct``, earlier lists choose first."""
    shown: list[str] = []
    for part in parts:
        if isinstance(part, InvalidInput):
            yield part
            continue
        try:
            answer = recommend(services, _of_page(part, ask), shown if ask.distinct else ())
        except InvalidInput as error:
            yield error
            continue
        shown += answer.listed.item_ids()
        yield answer


def _of_page(part: ListRequest, page: ListBatchRequest) -> ListRequest:
    """Return the part with the page's person where it names nobody, and the page's choice."""
    changes: dict[str, Any] = {}
    if part.user_id is None and part.visitor_id is None:
        changes = {"user_id": page.user_id, "visitor_id": page.visitor_id}
    if not page.personalize:
        changes["personalize"] = False
    return part.model_copy(update=changes)


def next_page(
    services: Services, rec_id: str, count: int | None, after: int | None = None, *, personalize: bool
) -> Answer:
    """Return a list that continues the one answered as ``rec_id``, without anything that it has shown.

    It begins behind the rank ``after``, else behind all that was shown so far. Raises InvalidInput where less was,
    NotFound when the list is unknown or half an hour has gone by, Unavailable while Redis is down.
    """
    kept = None
    if REC_ID.fullmatch(rec_id):
        kept = services.served.recall(rec_id) or services.served.recall(rec_id.partition("-")[0])
    if kept is None:
        raise NotFound("list", rec_id)
    page = orjson.loads(kept)
    ask = ListRequest.model_validate(page["ask"])
    ask = ask.model_copy(update={"count": count or ask.count, "personalize": personalize and ask.personalize})
    end = len(page["shown"]) if after is None else after
    if end > len(page["shown"]):
        raise InvalidInput("after", f"only {len(page['shown'])} items of this list were shown")
    shown = page["shown"][:end]
    answer = recommend(services, ask, [*page.get("barred", ()), *shown], remembered=False)
    items = renumbered(orjson.loads(answer.listed.items), end + 1)
    going_on = page | {"shown": [*shown, *answer.listed.item_ids()]}
    services.served.remember(rec_id, orjson.dumps(going_on), NEXT_SECONDS)
    return answer._replace(rec_id=rec_id, listed=answer.listed._replace(items=items))
