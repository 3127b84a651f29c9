"""The shapes of customers over HTTP."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from features.customer import Stage, Tier
from recommender.ids import Id
from serving.api.item_schemas import Finite, Integer, Rejected
from serving.api.schemas import Body, Timestamp
from serving.list_request import Strict
from serving.users import MOST_ATTRIBUTES

DATE = re.compile(r"(\d{4}-)?\d{2}-\d{2}")


def _day(given: str) -> str:
    """Return a day of the year, or a date, as it was given."""
    try:
        if not DATE.fullmatch(given):
            raise ValueError
        date.fromisoformat(f"2000-{given}" if len(given) == len("MM-DD") else given)
    except ValueError:
        raise ValueError(f"{given!r} is no day: write MM-DD or YYYY-MM-DD") from None
    return given


Short = Annotated[str, Field(max_length=256)]
Attribute = Short | Integer | Finite | bool


def _told(consent: bool | None) -> bool | None:
    if consent is None:
        raise ValueError("a consent is replaced by true or false, and cannot be taken away")
    return consent


Consent = Annotated[bool | None, AfterValidator(_told), WithJsonSchema({"type": "boolean"})]


class UserFields(Strict):
    """What is declared of a customer; it replaces what was declared before."""

    tags: Annotated[list[Id], Field(max_length=100)] | None = None
    birthday: Annotated[str, AfterValidator(_day)] | None = None
    """`MM-DD`, or a date."""
    region: Short | None = None
    language: Short | None = None
    consent_personalization: bool | None = None
    """false: lists know nothing of this customer, and their events are not learned from."""
    consent_email: bool | None = None
    consent_sms: bool | None = None
    consent_push: bool | None = None
    attributes: Annotated[dict[Id, Attribute], Field(max_length=MOST_ATTRIBUTES)] | None = None
    """Anything else, as text, number or truth."""


class UserChanges(UserFields):
    """What is to be changed of what is declared: what is left out stays as it is, null takes it away."""

    consent_personalization: Consent = None
    """false: lists know nothing of this customer, and their events are not learned from."""
    consent_email: Consent = None
    consent_sms: Consent = None
    consent_push: Consent = None
    attributes: Annotated[dict[Id, Attribute | None], Field(max_length=MOST_ATTRIBUTES)] | None = None  # type: ignore[assignment]  # wider
    """Each by itself; null takes one away."""


class UserWithId(UserFields):
    """What is declared of one customer of many."""

    user_id: Id


class UsersBody(Strict):
    """Up to 1,000 customers; each is judged by itself."""

    users: Annotated[list[Any], Field(min_length=1, max_length=1_000)]


class UsersTaken(Body):
    """What became of the parts of a call."""

    accepted: int
    rejected: list[Rejected]


class TagBody(Strict):
    """How heavy a tag is."""

    weight: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] = 1.0

    @model_validator(mode="before")
    @classmethod
    def _as_usual(cls, given: Any) -> Any:
        """Take no body for one that says nothing."""
        return {} if given is None else given


class TagShown(Body):
    """One tag and where it comes from."""

    tag: str
    weight: float
    """At this moment."""
    provenance: Literal["declared", "hand", "rule", "derived"]
    """Who told us, or how it was earned."""
    rule: str | None
    """The rule in words, or the tag that brought this one."""
    since: Timestamp
    evidence: list[str]
    """The items whose events earned it."""


class TagsShown(Body):
    """A customer's tags, the heaviest first."""

    user_id: str
    tags: list[TagShown]
    muted: list[str]


class PreferencesBody(Strict):
    """What a customer chose."""

    personalize: bool


class PreferencesShown(Body):
    """What a customer chose."""

    user_id: str
    personalize: bool


class MergeBody(Strict):
    """Who turned out to be this customer."""

    visitor_id: Id


class Merged(Body):
    """Who is who."""

    user_id: str
    visitor_id: str
    merged: bool
    """false where it was so before."""


class UserShown(Body):
    """A customer as the service sees them now."""

    user_id: str
    declared: dict[str, Any]
    declared_at: Timestamp | None
    preferences: dict[str, bool]
    merged: list[str]
    tags: list[TagShown]
    stage: Stage
    """Of the customer's life."""
    tier: Tier
    """How many of recency, frequency and money are good."""
    recency_days: float | None
    orders: int
    spent: float
    typical_price: float | None
    events: int


class ReceiptShown(Body):
    """What an erasure removed where."""

    receipt: str
    user_id: str
    ids: list[str]
    erased_at: Timestamp
    removed: dict[str, int]
    bundle: dict[str, Any]
    status: Literal["archive_pending", "done"]
    """`archive_pending` until the archiver has cleaned the files, then `done`."""
    left: dict[str, int] | None = None
    """What is still there, found by looking."""
    verified: bool | None = None
