"""The shapes of items over HTTP."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from recommender.ids import Id
from serving.api.schemas import Body, FieldProblem, Query, Timestamp
from serving.list_request import Expression

Word = Annotated[str, StringConstraints(max_length=2_000)]
Text = Annotated[str, StringConstraints(max_length=20_000)]
Money = Annotated[Decimal, Field(ge=0, max_digits=18, allow_inf_nan=False)]
MOST_ATTRIBUTES = 100
Integer = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Attribute = str | Integer | Finite | bool | None


def _split(tags: Any) -> Any:
    return [tag.strip() for tag in tags.split("|") if tag.strip()] if isinstance(tags, str) else tags


def _counted(given: Any) -> Any:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return given
    if not math.isfinite(given):
        raise ValueError("is neither true, false nor how many there are")
    return given > 0


def _read(moment: Any) -> Any:
    """Read a moment in any of pydantic's ways, also where bodies are otherwise read strictly."""
    return None if moment is None else _MOMENT.validate_python(moment)


_MOMENT = TypeAdapter(datetime)
Moment = Annotated[datetime, BeforeValidator(_read)]
InStock = Annotated[
    bool, WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "number"}]}), BeforeValidator(_counted)
]
Tags = Annotated[
    list[Id],
    Field(max_length=200),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}, "maxItems": 200}, {"type": "string"}]}),
    BeforeValidator(_split),
]


class ItemFields(BaseModel):
    """What is to be changed of an item: what is left out stays as it is, null takes it away.

    Any other name is kept as an attribute.
    """

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)
    __pydantic_extra__: dict[str, Attribute]

    item_id: Id | None = None
    title: Word | None = None
    description: Text | None = None
    tags: Tags | None = None
    """A list, or text separated by ``|``."""
    category: Word | None = None
    """A path, ``A > B > C``."""
    brand: Word | None = None
    price: Money | None = None
    list_price: Money | None = None
    in_stock: InStock | None = None
    """true or false, or how many there are."""
    available_from: Moment | None = None
    """UTC where no offset is given; to the second."""
    available_until: Moment | None = None
    first_seen: Moment | None = None
    """When it was new here; if it never was told, when it was first put."""
    hidden: bool | None = None
    image_url: Word | None = None
    url: Word | None = None

    @field_validator("available_from", "available_until", "first_seen")
    @classmethod
    def _in_utc(cls, given: datetime | None) -> datetime | None:
        if given is None:
            return None
        try:
            return (given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)).replace(microsecond=0)
        except OverflowError:
            raise ValueError(f"{given.isoformat()} is beyond the calendar in UTC") from None

    @model_validator(mode="after")
    def _few_attributes(self) -> Self:
        if len(self.model_extra or {}) > MOST_ATTRIBUTES:
            raise ValueError(f"more than {MOST_ATTRIBUTES} attributes")
        if reserved := next((name for name in self.model_extra or {} if name.startswith("#")), None):
            raise ValueError(f"an attribute may not begin with #, as {reserved!r} does")
        return self

    def changes(self, item_id: str) -> dict[str, Any]:
        """Return the given fields alone, ready to be kept as JSON; money as decimal text."""
        return self.model_dump(mode="json", exclude_unset=True) | {"item_id": item_id}


class ItemWithId(ItemFields):
    """What is to be changed of one item of many."""

    item_id: Id


class ItemsBody(BaseModel):
    """Items to change; each must name its ``item_id``. A bare list will do as well."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    items: Annotated[list[Any], Field(min_length=1, max_length=1_000)]

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, body: Any) -> Any:
        return {"items": body} if isinstance(body, list) else body


class Rejected(FieldProblem):
    """One part that was not taken."""

    index: int
    """From 0."""


class ItemsTaken(Body):
    """What became of a bulk change."""

    accepted: int
    rejected: list[Rejected]
    revision: int | None
    """Of the catalogue."""


class ItemShown(BaseModel):
    """An item as it is known here."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    item_id: str
    in_stock: bool
    hidden: bool
    first_seen: Timestamp | None


class ItemsQuery(Query):
    """Which page of the catalogue."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    after: Id | None = None
    filter: Expression | None = None


class ItemsPage(Body):
    """A page of the catalogue."""

    items: list[ItemShown]
    next: str | None
    """The ``after`` of the next page; null on the last one."""
