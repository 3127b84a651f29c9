"""One request on its way to an answer, and the steps that every kind of answer shares."""

import os
from typing import NamedTuple

from features.profile import Profile
from recommender.config import Placement
from recommender.errors import Unavailable
from recommender.times import timestamp
from serving.answers import Answer, Listed
from serving.list_request import ListRequest
from serving.ports import Peek
from serving.question import Asked, build_question, placement_of
from serving.services import Services
from serving.snapshot import Snapshot

NOBODY = Profile("")
"""Whoever asks for a list that is not personal; ids have at least one character."""


class RequestContext(NamedTuple):
    """One request on its way to an answer."""

    ask: ListRequest
    customer: str | None
    entry: str
    peek: Peek | None
    """None while the cache does not answer."""
    snapshot: Snapshot
    placement: Placement
    now: float
    began: float
    """On the monotonic clock."""

    @property
    def revision(self) -> int:
        """Return the revision of the customer's state that this request has seen."""
        return self.peek.revision if self.peek else 0

    def is_degraded(self, *, known: bool) -> bool:
        """Return whether the answer lacks what it should rest on: a bundle, the cache, or a customer ``known`` now."""
        return not known or self.peek is None or self.snapshot.is_blank


def look(services: Services, ask: ListRequest) -> RequestContext:
    """Look into the cache, follow a visitor to the customer, and obey the customer's choice."""
    began, entry, customer = services.timer(), ask.entry(), ask.customer
    peek = services.cache.peek(customer, entry)
    if peek and peek.same_as:
        customer = peek.same_as
        peek = services.cache.peek(customer, entry)
    if peek and not peek.personalize:
        customer = None
        peek = services.cache.peek(customer, entry)
    if peek is None and customer is not None and services.withheld(customer):
        customer = None
    snapshot = services.snapshots.at_least(peek.catalogue_revision if peek else 0)
    placement = placement_of(snapshot, ask.placement, ask.item_ids)
    return RequestContext(ask, customer, entry, peek, snapshot, placement, services.clock(), began)


def profile_of(services: Services, customer: str | None) -> tuple[Profile, bool]:
    """Return the live state of ``customer``, and whether it could be read; an empty one where it must not be used."""
    if customer is None:
        return NOBODY, True
    try:
        profile = services.profiles.read([customer])[0]
        return (profile if profile.personalize else NOBODY), True
    except Unavailable:
        return NOBODY if services.withheld(customer) else Profile(customer), False


def asked_of(services: Services, context: RequestContext) -> tuple[Asked, bool]:
    """Return what the request asks of the models, and whether the customer's live state could be read."""
    profile, known = profile_of(services, context.customer)
    return build_question(context.snapshot, profile, context.ask, int(context.now)), known


def listed_of(context: RequestContext, asked: Asked, items: bytes) -> Listed:
    """Return the encoded items with what must still be true for them to be shown again."""
    until = min(int(context.now) + context.placement.cache_seconds, context.snapshot.next_change(int(context.now)))
    made_at, list_id = timestamp(context.now).encode(), os.urandom(8).hex().encode()
    known = asked.knows_the_customer
    return Listed(
        context.snapshot.token, context.revision, context.snapshot.revision, until, list_id, made_at, known, items
    )


def answer_of(services: Services, context: RequestContext, listed: Listed, served_by: str, *, degraded: bool) -> Answer:
    """Return the answer with an id of its own."""
    rec_id = f"{listed.list_id.decode()}-{os.urandom(4).hex()}"
    took = services.timer() - context.began
    model = context.snapshot.model
    return Answer(listed, rec_id, context.ask.placement, served_by, degraded, model, took)
