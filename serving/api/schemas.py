"""The shapes of query strings and answers, as the documentation shows them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from serving.ask import Expression, Id, Part


class Body(BaseModel):
    """An answer; the words under each field are its description."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Query(BaseModel):
    """A query string; a name that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class NextQuery(Query):
    """How long the next page is."""

    count: Annotated[int, Field(ge=1, le=200)] | None = None


class ListQuery(NextQuery):
    """The options of a list by GET; lists are given by repeating the name."""

    placement: Annotated[str, Field(min_length=1, max_length=64)] = "home"
    user_id: Id | None = None
    visitor_id: Id | None = None
    item_ids: list[Id] = []
    filter: Expression | None = None
    boost: Expression | None = None
    exclude_item_ids: list[Id] = []
    tags: list[Id] = []
    diversity: bool | None = None
    include: list[Part] | None = None
    personalize: bool = True
    timeout_ms: Annotated[int, Field(ge=1, le=60_000)] | None = None


class ReasonBody(Body):
    """Why an item is in a list."""

    code: str
    evidence: str | None


class ItemBody(Body):
    """One item of a list."""

    item_id: str
    rank: int
    """From 1."""
    score: float | None
    """Comparable within one list only; null where no model can say."""
    source: str
    """Which source proposed it."""
    reasons: list[ReasonBody] | None = None
    contributions: dict[str, float] | None = None
    properties: dict[str, Any] | None = None


class ListBody(Body):
    """A list and how it was made."""

    rec_id: str
    """Send it back with impressions, clicks and purchases; ``/next`` continues the list."""
    placement: str
    served_by: str
    """``live``, ``cached``, ``stale`` or ``popular``."""
    degraded: bool
    """Something was down, missing or too slow, and the list is not as good as it could be."""
    model: str | None
    """The bundle that made it."""
    items: list[ItemBody]
    generated_at: str
    """When the list was made."""
    took_ms: float


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


class ExplanationBody(Body):
    """Where an item stands for a customer, and why."""

    item_id: str
    placement: str
    rank: int | None
    """From 1, before diversity; null where no source proposed the item or a rule keeps it out."""
    score: float | None
    dropped_by: str | None
    """The rule that keeps it out."""
    signals: dict[str, float]
    """What each source says, on a scale of its own."""
    contributions: dict[str, float]
    """What each source adds to the score."""
    reasons: list[ReasonBody]
    model: str | None
    degraded: bool
