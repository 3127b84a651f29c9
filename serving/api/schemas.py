"""The shapes of query strings and answers, as the documentation shows them."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from recommender.errors import InvalidInput
from recommender.values import ReasonCode
from serving.ask import Ask, Who


class Body(BaseModel):
    """An answer; the words under each field are its description."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Query(BaseModel):
    """A query string; a name that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class NextQuery(Query):
    """How long the next page is."""

    count: Annotated[int, Field(ge=1, le=200)] | None = None


class ReadyQuery(Query):
    """What a process has to be ready for."""

    of: Annotated[Literal["all", "lists"], Field(alias="for")] = "all"
    """``lists`` asks for what lists cannot do without, and leaves out Redis."""


class ListQuery(Ask):
    """The options of a list by GET; lists are given by repeating the name."""

    diversity: bool | None = None
    """false switches the placement's rule off."""

    def about(self, **fixed: str | tuple[str, ...]) -> Self:
        """Return the request that the path fixes some fields of; their values are checked before.

        Raises ValidationError where the path names a customer, and the query string a visitor; InvalidInput where the
        query string gives what the path says already.
        """
        for name in sorted(self.model_fields_set & fixed.keys()):
            raise InvalidInput(name, "is what the path says; leave it out")
        if self.visitor_id is not None and "user_id" in fixed:
            Who.model_validate({"user_id": fixed["user_id"], "visitor_id": self.visitor_id})
        return self.model_copy(update=fixed)


class ReasonBody(Body):
    """Why an item is in a list."""

    code: ReasonCode
    evidence: str | None
    """The item, tag or day that it rests on."""


class ItemBody(Body):
    """One item of a list."""

    item_id: str
    rank: int
    """From 1."""
    score: float | None
    """Comparable within one list only; null where no model can say."""
    source: str
    """Which source proposed it; ``pinned`` where the placement puts it first."""
    reasons: list[ReasonBody] | None = None
    """Why it is here, in codes to be put into words."""
    contributions: dict[str, float] | None = None
    """What each source adds to the score, beyond where every item starts."""
    properties: dict[str, Any] | None = None
    """What the catalogue says of it."""


class ListBody(Body):
    """A list and how it was made."""

    rec_id: str
    """Send it back with impressions, clicks and purchases; ``/next`` continues the list."""
    placement: str
    """The placement whose rules made it."""
    served_by: str
    """``live``, ``cached``, ``stale`` or ``popular``."""
    degraded: bool
    """Something was down, missing or too slow, and the list is not as good as it could be."""
    model: str | None
    """The bundle that made it."""
    items: list[ItemBody]
    """Best first."""
    generated_at: str
    """When the list was made."""
    took_ms: float
    """Milliseconds within the service."""


class FieldProblem(Body):
    """One field at fault."""

    field: str
    detail: str
    position: int | None = None


class Problem(Body):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None


class BatchBody(Body):
    """One list, or one problem, for each part of the call."""

    results: list[ListBody | Problem]
    """In the order of the requests."""


class ExplanationBody(Body):
    """Where an item stands for a customer, and why."""

    item_id: str
    placement: str
    rank: int | None
    """From 1, pins first, before diversity; null where no source proposed the item or a rule keeps it out."""
    score: float | None
    dropped_by: str | None
    """The rule that keeps it out."""
    signals: dict[str, float]
    """What each source says, on a scale of its own."""
    contributions: dict[str, float]
    """What each source adds to the score, beyond where every item starts."""
    reasons: list[ReasonBody]
    model: str | None
    degraded: bool
