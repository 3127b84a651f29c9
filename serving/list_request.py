"""What a caller may ask for: the shape of a request for a list, checked."""

from hashlib import blake2b
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import ErrorDetails

from recommender.config import Diversity
from recommender.ids import Id

Expression = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Part = Literal["reasons", "properties", "contributions"]

MOST_ITEMS = 1_000
Count = Annotated[int, Field(ge=1, le=200)]
PlacementName = Annotated[str, Field(min_length=1, max_length=64)]
Anchors = Annotated[tuple[Id, ...], Field(max_length=100)]


WORDS = {"extra_forbidden": "is no field of this call", "missing": "is missing"}
"""By pydantic's kind of error, where its own words would not name what to do."""


def said(error: ErrorDetails) -> str:
    """Return what is wrong, without the kind of error that pydantic puts before our own words."""
    return WORDS.get(error["type"], error["msg"].removeprefix("Value error, "))


class Strict(BaseModel):
    """A body that must have exactly the fields and types it says."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Who(Strict):
    """The person a request is about: a known customer, or a visitor without a name."""

    user_id: Id | None = None
    """A customer; only one of the two ids is given, and neither for a list that is nobody's."""
    visitor_id: Id | None = None
    """A visitor without a name."""
    personalize: bool = True
    """False reads no profile at all; so does the header ``Sec-GPC: 1``."""

    @model_validator(mode="after")
    def _one(self) -> "Who":
        if self.user_id is not None and self.visitor_id is not None:
            raise ValueError("give user_id or visitor_id, not both")
        return self

    @property
    def customer(self) -> str | None:
        """Return the id under which history is kept; None where the list must not be personal."""
        return (self.user_id or self.visitor_id) if self.personalize else None


class Options(Strict):
    """What every list can be asked for with, whoever it is for and whatever it is about."""

    count: Count | None = None
    """How many items; the placement's own number where it is left out."""
    filter: Expression | None = None
    """Only items for which this holds: ``price between 10 and 80 and 'camping' in tags``."""
    boost: Expression | None = None
    """Lifts items: ``2 * (brand = 'Acme')``; 1 is one standard deviation of the list's scores."""
    exclude_item_ids: Annotated[tuple[Id, ...], Field(max_length=MOST_ITEMS)] = ()
    """Items that must not be in the list."""
    tags: Annotated[tuple[Id, ...], Field(max_length=50)] = ()
    """What this request is about, beside what is known of the customer; lifts the items that carry one of them."""
    diversity: Diversity | bool | None = None
    """false switches the placement's rule off; an object replaces it."""
    include: Annotated[tuple[Part, ...], Field(max_length=3)] | None = None
    """What each item carries; reasons and properties where it is left out."""
    timeout_ms: Annotated[int, Field(ge=1, le=60_000)] | None = None
    """A cheaper answer comes where the full one would take longer."""


class ListRequest(Options, Who):
    """One list."""

    placement: PlacementName = "home"
    """A placement that the configuration names."""
    item_ids: Anchors = ()
    """The items that the page is about: the product shown, the lines of the cart."""

    def entry(self) -> str:
        """Return the name under which this list is cached: a digest of all that decides it, the customer apart."""
        fields = self.__pydantic_serializer__.to_json(self, exclude=NOT_IN_ENTRY)
        return blake2b(fields, digest_size=12, person=STORED_FORM).hexdigest()

    @property
    def parts(self) -> frozenset[str]:
        """Return what each item of the answer carries."""
        return DEFAULT_PARTS if self.include is None else frozenset(self.include)


STORED_FORM = b"2"
"""Of cached lists; a version that stores them otherwise has another one, and never meets what this one stored."""
NOT_IN_ENTRY = {"user_id", "visitor_id", "personalize", "timeout_ms"}
DEFAULT_PARTS = frozenset({"reasons", "properties"})


class ListBatchRequest(Who):
    """Several lists of one page."""

    requests: Annotated[list[Any], Field(min_length=1, max_length=20)]
    """Each is a body of ``POST /v1/recommendations``, judged by itself.

    It takes ``user_id``, ``visitor_id`` and ``personalize`` from the batch where it names nobody."""
    distinct: bool = False
    """No item comes in more than one list; earlier lists choose first."""


class RankRequest(Who):
    """Items to put in order."""

    item_ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_ITEMS)]
    """The items to order."""
    placement: PlacementName = "home"
    """A placement that the configuration names."""


class ExplainRequest(Who):
    """A question why an item is, or is not, in a list."""

    item_id: Id
    placement: PlacementName = "home"
    item_ids: Anchors = ()
    """The items that the page is about."""
    filter: Expression | None = None
