"""The shapes of items over HTTP."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from serving.api.schemas import Body, FieldProblem, Query
from serving.ask import Expression, Id

Word = Annotated[str, StringConstraints(max_length=2_000)]
Text = Annotated[str, StringConstraints(max_length=20_000)]
Money = Annotated[Decimal, Field(ge=0, max_digits=18, allow_inf_nan=False)]
MOST_ATTRIBUTES = 100
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Attribute = str | Whole | Finite | bool | None


class ItemFields(BaseModel):
    """What is to be changed of an item: what is left out stays as it is, null takes it away.

    Any other name is kept as an attribute.
    """

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)
    __pydantic_extra__: dict[str, Attribute]

    item_id: Id | None = None
    title: Word | None = None
    description: Text | None = None
    tags: Annotated[list[Id], Field(max_length=200)] | None = None
    """A list, or text separated by ``|``."""
    category: Word | None = None
    """A path, ``A > B > C``."""
    brand: Word | None = None
    price: Money | None = None
    list_price: Money | None = None
    in_stock: bool | None = None
    """true or false, or how many there are."""
    available_from: datetime | None = None
    """UTC where no offset is given; to the second."""
    available_until: datetime | None = None
    hidden: bool | None = None
    image_url: Word | None = None
    url: Word | None = None

    @field_validator("tags", mode="before")
    @classmethod
    def _split(cls, tags: Any) -> Any:
        return [tag.strip() for tag in tags.split("|") if tag.strip()] if isinstance(tags, str) else tags

    @field_validator("in_stock", mode="before")
    @classmethod
    def _counted(cls, stock: Any) -> Any:
        return stock > 0 if isinstance(stock, int | float) and not isinstance(stock, bool) else stock

    @field_validator("available_from", "available_until")
    @classmethod
    def _in_utc(cls, given: datetime | None) -> datetime | None:
        if given is None:
            return None
        return (given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)).replace(microsecond=0)

    @model_validator(mode="after")
    def _few_attributes(self) -> Self:
        if len(self.model_extra or {}) > MOST_ATTRIBUTES:
            raise ValueError(f"more than {MOST_ATTRIBUTES} attributes")
        return self

    def changes(self, item_id: str) -> dict[str, Any]:
        """Return the given fields alone, ready to be kept as JSON; money as decimal text."""
        return self.model_dump(mode="json", exclude_unset=True) | {"item_id": item_id}


class ItemsBody(BaseModel):
    """Items to change; each must name its ``item_id``. A bare list will do as well."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    items: Annotated[list[Any], Field(min_length=1, max_length=1_000, json_schema_extra={"items": {"type": "object"}})]

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
    first_seen: str | None


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
