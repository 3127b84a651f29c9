"""The shapes of query strings and answers, as the documentation shows them."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from recommender.config import Placement
from recommender.values import ReasonCode
from serving.list_request import Anchors, Count, ListRequest, Options, PlacementName, Who

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""In UTC."""


class Body(BaseModel):
    """An answer; the words under each field are its description."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Query(BaseModel):
    """A query string; a name that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class NextQuery(Query):
    """Which page it is, and how long."""

    count: Count | None = None
    """How many items; as many as the list had where it is left out."""
    after: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """The rank behind which the page begins; such a call may be repeated. Else behind all that was shown so far."""


class ReadyQuery(Query):
    """What a process has to be ready for; a probe may add what it likes."""

    model_config = ConfigDict(extra="ignore")

    of: Annotated[Literal["all", "lists"], Field(alias="for")] = "all"
    """``lists`` asks for what lists cannot do without, and leaves out Redis."""


class ListQuery(Options):
    """The options of a list by GET, of which the path says the rest; lists are given by repeating the name."""

    diversity: bool | None = None
    """false switches the placement's rule off."""

    def about(self, **fixed: str | tuple[str, ...]) -> ListRequest:
        """Return the request that the path says the rest of; that is checked already."""
        fields: dict[str, Any] = {**self.__dict__, **fixed}
        return ListRequest.model_construct(**fields)


class OneCustomersQuery(ListQuery):
    """Of a list for the customer whom the path names."""

    item_ids: Anchors = ()
    """The items that the page is about."""
    personalize: bool = True
    """False reads no profile at all; so does the header ``Sec-GPC: 1``."""


class PlacementQuery(OneCustomersQuery):
    """Of a list for them in any placement."""

    placement: PlacementName = "home"
    """A placement that the configuration names."""


class AnybodysQuery(ListQuery, Who):
    """Of a list about the item that the path names."""


class PopularQuery(AnybodysQuery):
    """Of a list about nothing, or about these."""

    item_ids: Anchors = ()
    """The items that the page is about."""


class PlacementShown(Body):
    """A place that lists are made for."""

    placement: str
    count: int
    """Items, where the call does not say how many."""
    needs_items: bool
    """It is about items on a page, which the call must name."""
    sources: tuple[str, ...]
    """What proposes its items."""

    @classmethod
    def of(cls, name: str, placement: Placement) -> Self:
        """Return what is shown of a placement."""
        return cls(placement=name, count=placement.count, needs_items=placement.needs_items, sources=placement.sources)


class PlacementsShown(Body):
    """Every placement."""

    placements: list[PlacementShown]


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
    """Which source proposed it; ``pinned`` where the placement puts it first, ``unknown`` for an unknown id."""
    off_sale: Literal["sold_out", "hidden", "not_yet_available", "expired"] | None = None
    """Of ``/v1/rank`` alone, which leaves nothing out: why no other list would hold this item now."""
    reasons: list[ReasonBody] | None = None
    """Why it is here, in codes to be put into words."""
    contributions: dict[str, float] | None = None
    """What each source, and what is known of the customer, adds to the score, beyond where every item starts."""
    properties: dict[str, Any] | None = None
    """What the catalogue says of it."""


class ListBody(Body):
    """A list and how it was made."""

    rec_id: str
    """Send it back with impressions, clicks and purchases; ``/next`` continues the list."""
    placement: str
    """The placement whose rules made it."""
    personalized: bool
    """Something that is known of the customer, of what they did or of their tags, was used, were it only to leave out
    what they have; if not, anybody would have got this list."""
    served_by: Literal["live", "cached", "stale", "popular"]
    """Made now, made before, made before and no longer whole, or what is popular in place of it."""
    degraded: bool
    """Something was down, missing or too slow, and the list is not as good as it could be."""
    model: str | None
    """The bundle that made it."""
    items: list[ItemBody]
    """Best first."""
    generated_at: Timestamp
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
    """What each source, and what is known of the customer, adds to the score, beyond where every item starts."""
    reasons: list[ReasonBody]
    model: str | None
    degraded: bool
