"""Lists over HTTP: by POST with every option, by plain GET for the common ones."""

from typing import TypeVar

import orjson
from flask import request

from recommender.errors import InvalidInput
from serving.answers import Answer
from serving.api.current import services
from serving.api.errors import problem_of
from serving.api.parsing import Blueprint, read_part
from serving.api.schemas import BatchBody, ExplanationBody, ListBody, ListQuery, NextQuery
from serving.api.whole import Whole
from serving.ask import Ask, BatchAsk, ExplainAsk, RankAsk, Who
from serving.explain import explain, rank
from serving.pages import batch, next_page
from serving.recommend import recommend

Person = TypeVar("Person", bound=Who)

blueprint = Blueprint("lists", __name__, tag="Recommendations")


def respond(answer: Answer) -> Whole:
    """Return an answer as JSON."""
    return Whole(answer.encoded())


def with_choice(who: Person) -> Person:
    """Return the request without personal data where the browser says ``Sec-GPC: 1``."""
    return who.model_copy(update={"personalize": False}) if request.environ.get("HTTP_SEC_GPC") == "1" else who


def listed(ask: Ask) -> Whole:
    """Answer a request for one list."""
    return respond(recommend(services(), with_choice(ask)))


@blueprint.post("/v1/recommendations")
@blueprint.input(Ask, arg_name="ask")
@blueprint.output(ListBody)
def recommendations(ask: Ask) -> Whole:
    """A list for one placement."""
    return listed(ask)


@blueprint.post("/v1/recommendations:batch")
@blueprint.input(BatchAsk, arg_name="ask")
@blueprint.output(BatchBody)
def recommendations_batch(ask: BatchAsk) -> Whole:
    """Several placements of one page in one call."""
    asked = [read_part(Ask, one) for one in ask.requests]
    parts = [_part(one) for one in batch(services(), with_choice(ask), asked)]
    return Whole(b'{"results":[%b]}' % b",".join(parts))


def _part(one: Answer | InvalidInput) -> bytes:
    return one.encoded() if isinstance(one, Answer) else orjson.dumps(problem_of(one))


@blueprint.get("/v1/recommendations/<id:rec_id>/next")
@blueprint.input(NextQuery, location="query", arg_name="query")
@blueprint.output(ListBody)
def recommendations_next(rec_id: str, query: NextQuery) -> Whole:
    """The next page of a list, without repeats, for 30 minutes."""
    personal = request.headers.get("Sec-GPC") != "1"
    return respond(next_page(services(), rec_id, query.count, personalize=personal))


@blueprint.get("/v1/users/<id:user_id>/recommendations")
@blueprint.input(ListQuery, location="query", arg_name="query")
@blueprint.output(ListBody)
def user_recommendations(user_id: str, query: ListQuery) -> Whole:
    """A customer's list."""
    return listed(query.about(user_id=user_id))


@blueprint.get("/v1/users/<id:user_id>/buy-again")
@blueprint.input(ListQuery, location="query", arg_name="query")
@blueprint.output(ListBody)
def user_buy_again(user_id: str, query: ListQuery) -> Whole:
    """What a customer bought before and is due to buy again."""
    return listed(query.about(user_id=user_id, placement="buy_again"))


@blueprint.get("/v1/items/<id:item_id>/similar")
@blueprint.input(ListQuery, location="query", arg_name="query")
@blueprint.output(ListBody)
def item_similar(item_id: str, query: ListQuery) -> Whole:
    """Items like this one."""
    return listed(query.about(item_ids=(item_id,), placement="similar"))


@blueprint.get("/v1/items/<id:item_id>/bought-together")
@blueprint.input(ListQuery, location="query", arg_name="query")
@blueprint.output(ListBody)
def item_bought_together(item_id: str, query: ListQuery) -> Whole:
    """Items that are bought with this one."""
    return listed(query.about(item_ids=(item_id,), placement="bought_together"))


@blueprint.get("/v1/popular")
@blueprint.input(ListQuery, location="query", arg_name="query")
@blueprint.output(ListBody)
def popular(query: ListQuery) -> Whole:
    """What is popular now."""
    return listed(query.about(placement="popular"))


@blueprint.post("/v1/rank")
@blueprint.input(RankAsk, arg_name="ask")
@blueprint.output(ListBody)
def rank_items(ask: RankAsk) -> Whole:
    """The given items in the order of a customer's taste; none is added or dropped."""
    return respond(rank(services(), with_choice(ask)))


@blueprint.get("/v1/explain")
@blueprint.input(ExplainAsk, location="query", arg_name="ask")
@blueprint.output(ExplanationBody)
def explain_item(ask: ExplainAsk) -> Whole:
    """Where an item ranks and why, or which rule keeps it out."""
    return Whole(orjson.dumps(explain(services(), with_choice(ask))))
