"""Lists over HTTP: by POST with every option, by plain GET for the common ones."""

from typing import TypeVar

import orjson

from recommender.errors import InvalidInput
from serving.answers import Answer
from serving.api.current import is_private, services
from serving.api.errors import problem_of
from serving.api.parsing import Blueprint, read_part
from serving.api.schemas import (
    AnybodysQuery,
    BatchBody,
    ExplanationBody,
    ListBody,
    NextQuery,
    OneCustomersQuery,
    PlacementQuery,
    PlacementShown,
    PlacementsShown,
    PopularQuery,
)
from serving.api.whole import Whole
from serving.explain import explain, rank
from serving.list_request import ExplainRequest, ListBatchRequest, ListRequest, RankRequest, Who
from serving.pages import batch, next_page
from serving.question import placements
from serving.recommend import recommend

Person = TypeVar("Person", bound=Who)

blueprint = Blueprint("lists", __name__, tag="Recommendations")


def respond(answer: Answer) -> Whole:
    """Return an answer as JSON."""
    return Whole(answer.encoded())


def with_choice(who: Person) -> Person:
    """Return the request without personal data where the browser says so."""
    return who.model_copy(update={"personalize": False}) if is_private() else who


def listed(ask: ListRequest) -> Whole:
    """Answer a request for one list."""
    return respond(recommend(services(), with_choice(ask)))


@blueprint.post("/v1/recommendations")
@blueprint.input(ListRequest, arg_name="ask")
@blueprint.output(ListBody)
def recommendations(ask: ListRequest) -> Whole:
    """A list for one placement."""
    return listed(ask)


@blueprint.post("/v1/recommendations:batch")
@blueprint.input(ListBatchRequest, arg_name="ask")
@blueprint.output(BatchBody)
def recommendations_batch(ask: ListBatchRequest) -> Whole:
    """Several placements of one page in one call."""
    asked = [read_part(ListRequest, one) for one in ask.requests]
    parts = [_part(one) for one in batch(services(), with_choice(ask), asked)]
    return Whole(b'{"results":[%b]}' % b",".join(parts))


def _part(one: Answer | InvalidInput) -> bytes:
    return one.encoded() if isinstance(one, Answer) else orjson.dumps(problem_of(one))


@blueprint.get("/v1/recommendations/<id:rec_id>/next")
@blueprint.input(NextQuery, location="query", arg_name="query")
@blueprint.output(ListBody)
def recommendations_next(rec_id: str, query: NextQuery) -> Whole:
    """The next page of a list, without repeats, for 30 minutes at least; 503 while Redis is down."""
    return respond(next_page(services(), rec_id, query.count, query.after, personalize=not is_private()))


@blueprint.get("/v1/users/<id:user_id>/recommendations")
@blueprint.input(PlacementQuery, location="query", arg_name="query")
@blueprint.output(ListBody)
def user_recommendations(user_id: str, query: PlacementQuery) -> Whole:
    """A customer's list."""
    return listed(query.about(user_id=user_id))


@blueprint.get("/v1/users/<id:user_id>/buy-again")
@blueprint.input(OneCustomersQuery, location="query", arg_name="query")
@blueprint.output(ListBody)
def user_buy_again(user_id: str, query: OneCustomersQuery) -> Whole:
    """What a customer bought before and is due to buy again."""
    return listed(query.about(user_id=user_id, placement="buy_again"))


@blueprint.get("/v1/items/<id:item_id>/similar")
@blueprint.input(AnybodysQuery, location="query", arg_name="query")
@blueprint.output(ListBody)
def item_similar(item_id: str, query: AnybodysQuery) -> Whole:
    """Items like this one."""
    return listed(query.about(item_ids=(item_id,), placement="similar"))


@blueprint.get("/v1/items/<id:item_id>/bought-together")
@blueprint.input(AnybodysQuery, location="query", arg_name="query")
@blueprint.output(ListBody)
def item_bought_together(item_id: str, query: AnybodysQuery) -> Whole:
    """Items that are bought with this one."""
    return listed(query.about(item_ids=(item_id,), placement="bought_together"))


@blueprint.get("/v1/popular")
@blueprint.input(PopularQuery, location="query", arg_name="query")
@blueprint.output(ListBody)
def popular(query: PopularQuery) -> Whole:
    """What is popular now."""
    return listed(query.about(placement="popular"))


@blueprint.get("/v1/placements")
@blueprint.output(PlacementsShown)
def placements_shown() -> Whole:
    """The placements that can be asked for."""
    known = placements(services().snapshots.current)
    return Whole.of({"placements": [PlacementShown.of(name, one).model_dump() for name, one in known.items()]})


@blueprint.post("/v1/rank")
@blueprint.input(RankRequest, arg_name="ask")
@blueprint.output(ListBody)
def rank_items(ask: RankRequest) -> Whole:
    """The given items, each once, in the order of a customer's taste; unknown ones last; `/v1/explain` says why."""
    return respond(rank(services(), with_choice(ask)))


@blueprint.get("/v1/explain")
@blueprint.input(ExplainRequest, location="query", arg_name="ask")
@blueprint.output(ExplanationBody)
def explain_item(ask: ExplainRequest) -> Whole:
    """Where an item ranks and why, or which rule keeps it out."""
    return Whole(orjson.dumps(explain(services(), with_choice(ask))))
