"""The configuration's shape and its defaults; reading the file is ``machine.config_file``."""

from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, field_validator

from recommender.ids import Id
from recommender.times import DAY
from recommender.values import EventType

SourceName = Literal[
    "transitions", "neighbours", "collaborative", "content", "repurchase", "popularity", "trend", "arrivals"
]
FallbackName = Literal["category_popularity", "popularity", "arrivals", "catalogue"]
RankerName = Literal["home", "discovery", "anchored"]


def _event_name(name: str) -> str:
    """Refuse a name that no event has in canonical spelling."""
    if name not in {event.name.lower() for event in EventType} or name == "other":
        raise ValueError(f"{name!r} is not a canonical event name")
    return name


EventName = Annotated[str, AfterValidator(_event_name)]


class Section(BaseModel):
    """A table of the configuration file; a key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


DEFAULT_WEIGHTS: dict[str, float] = {
    "view_item_list": 0.0,
    "select_item": 0.5,
    "view_item": 1.0,
    "add_to_cart": 3.0,
    "add_to_wishlist": 2.0,
    "purchase": 5.0,
    "rate": 1.0,
    "like": 3.0,
    "email_click": 0.5,
}


class EventSettings(Section):
    """How much an event says, and how fast that fades."""

    weights: dict[EventName, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = DEFAULT_WEIGHTS
    """By canonical event name; a table of one's own changes the defaults name by name.

    What has no weight above 0 is no sign of interest; refunds and dislikes exclude items instead.
    """
    half_life_days: PositiveFloat = 60.0

    @field_validator("weights", mode="before")
    @classmethod
    def _over_defaults(cls, given: Any) -> Any:
        return DEFAULT_WEIGHTS | given if isinstance(given, dict) else given


class CollaborativeSettings(Section):
    """Implicit-feedback ALS."""

    factors: PositiveInt = 64
    iterations: PositiveInt = 8
    regularization: PositiveFloat = 0.05
    alpha: PositiveFloat = 5.0
    """Confidence of an event of weight 1 (Hu, Koren, Volinsky 2008)."""


class NeighbourSettings(Section):
    """Item-to-item neighbours: similar items, and the weights of a linear autoencoder."""

    kind: Literal["bm25", "cosine"] = "bm25"
    """Of the similarity."""
    neighbours: PositiveInt = 40
    """Of each item."""


class TransitionSettings(Section):
    """Ordered item transitions."""

    distance: PositiveInt = 10
    """How many steps apart two events may be; all lines of one basket are one step."""
    neighbours: PositiveInt = 40


class ContentSettings(Section):
    """The item × tag matrix."""

    words: bool = True
    max_share: Annotated[float, Field(gt=0, le=1)] = 0.2
    """A tag on a larger share of the items says nothing and is left out of matching."""


class RankerSettings(Section):
    """The learned ranker."""

    kind: Literal["lambdamart", "linear"] = "lambdamart"
    trees: PositiveInt = 40
    """Of each of the two sets whose scores add up; few moments teach more, smaller trees in shorter steps."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.2
    leaves: PositiveInt = 31
    candidates: PositiveInt = 100
    """How many candidates a request may bring to the ranker."""
    customers: PositiveInt = 10_000
    """From how many moments of customers rankers learn, at most: home from half of them, discovery from twice as many,
    item pages from three tenths."""


class Diversity(Section):
    """At most ``most`` items of one ``column`` value in any ``window`` consecutive places."""

    column: Literal["category", "category_top", "brand"] = "category"
    most: Annotated[int, Field(ge=1, le=1_000)] = 5
    window: Annotated[int, Field(ge=1, le=1_000)] = 10
    personal: bool = False
    """A value that has a larger share of the customer's interest gets that share of the window."""


class Exclusions(Section):
    """What a placement never shows; sold-out, hidden and out-of-date items are excluded everywhere."""

    in_cart: bool = True
    in_cart_days: Annotated[float, Field(gt=0)] = 30.0
    """A cart in which something was put longer ago is taken for abandoned."""
    bought_within_days: Annotated[float, Field(ge=0)] = 0.0
    """0 excludes nothing, ``inf`` every item ever bought."""
    consumable_categories: tuple[str, ...] = ()
    """Category paths exempt from ``bought_within_days``; a path covers everything below it."""
    refunded_or_disliked: bool = True
    seen_without_click: Annotated[int, Field(ge=0)] = 0
    """Hide after this many impressions without a click; 0 is never."""


class TagRule(Section):
    """Behaviour that puts a tag on a customer: ``count`` events on matching items within a window."""

    tag: Annotated[str, Field(min_length=1, max_length=256)]
    when: str = ""
    """A filter expression over items; empty matches every item."""
    events: tuple[EventName, ...] = ("view_item",)
    """What counts, in canonical names."""
    count: PositiveInt = 3
    in_a_row: bool = False
    """No other item may come between, among the events that count; the same as ``within_events = count``."""
    within_events: PositiveInt | None = None
    """The matching events lie among so many consecutive events that count."""
    within_days: PositiveFloat | None = None
    weight: PositiveFloat = 1.0
    half_life_days: PositiveFloat = 30.0
    expires_days: PositiveFloat = 180.0
    """The tag is gone so long after the rule last held."""


class DerivedTag(Section):
    """A customer tag that brings others with it."""

    tag: str
    brings: tuple[str, ...]
    weight: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Of a tag brought, as a share of the weight of the tag that brings it."""


MOST_DAYS = 3_650
"""Ten years: what is kept for longer belongs into files."""


class LiveSettings(Section):
    """What is kept of each customer between two trainings, and for how long."""

    recent_events: PositiveInt = 50
    """Beyond them only what exclusions need stays: carts, purchases, refunds, opinions."""
    impressions: PositiveInt = 200
    tags: PositiveInt = 20
    """Tags of one customer, the heaviest first."""
    tag_boost: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 2.5
    """How far a fresh tag of weight 1 lifts the items that carry it, in standard deviations of the list's scores.

    Where scores fall into two halves, two deviations lie between them.
    """
    spent_well: PositiveFloat = 250.0
    """Money, in the shop's currency, from which a customer's spending counts for a better tier."""
    ttl_days: Annotated[float, Field(ge=1 / 24, le=MOST_DAYS)] = 90.0
    """Live state of a customer who does nothing for so long is forgotten; the archive is not."""
    remember_ids_hours: Annotated[float, Field(ge=1 / 60, le=24 * MOST_DAYS)] = 48.0
    """An event sent again within this time counts once."""
    max_future_seconds: Annotated[float, Field(gt=0, le=DAY * MOST_DAYS)] = 300.0
    """An event further in the future than this is refused."""
    max_age_days: Annotated[float, Field(gt=0, le=10 * MOST_DAYS)] = 730.0
    """An event older than this is refused: import it from a file."""
    archive_seconds: Annotated[float, Field(gt=0, le=DAY)] = 15.0
    """How long an event may wait in the stream before it is written to Parquet."""
    archive_events: PositiveInt = 20_000
    """How many events one archive step takes at most."""


class Placement(Section):
    """One place where a list is shown."""

    ranker: RankerName | None = "home"
    """None (in a file ``"none"``) orders by the sources' own scores, in the order in which they are named."""
    sources: tuple[SourceName, ...] = (
        "transitions",
        "neighbours",
        "collaborative",
        "content",
        "repurchase",
        "popularity",
        "trend",
        "arrivals",
    )
    fallback: tuple[FallbackName, ...] = ("category_popularity", "popularity", "arrivals", "catalogue")
    needs_items: bool = False
    """The request must name at least one item (product page, cart)."""
    count: PositiveInt = 20
    """How many items where the request does not say."""
    pins: tuple[Id, ...] = ()
    """Item ids that come first, in this order, where no rule keeps them from the customer; unknown ones are ignored."""
    exclude: Exclusions = Exclusions()
    diversity: Diversity | None = None
    cache_seconds: PositiveInt = 900

    @field_validator("ranker", "diversity", mode="before")
    @classmethod
    def _none(cls, value: object) -> object:
        """Read ``"none"`` as None, which TOML cannot write."""
        return None if value == "none" else value


def default_placements() -> dict[str, Placement]:
    """Return the six placements that every shop starts with."""
    near: tuple[SourceName, ...] = ("transitions", "neighbours", "collaborative", "content", "popularity")
    return {
        "home": Placement(diversity=Diversity(personal=True)),
        "product": Placement(ranker="anchored", sources=near, needs_items=True),
        "cart": Placement(ranker="anchored", sources=near, needs_items=True),
        "buy_again": Placement(ranker=None, sources=("repurchase",), fallback=()),
        "popular": Placement(ranker=None, sources=("popularity",), fallback=("catalogue",)),
        "new": Placement(ranker=None, sources=("arrivals",), fallback=("popularity", "catalogue")),
    }


def _over(default: Any, given: Any) -> Any:
    """Return what is given above a default: of a table key by key, however deep."""
    if not (isinstance(default, dict) and isinstance(given, dict)):
        return given
    return default | {key: _over(default.get(key), value) for key, value in given.items()}


class Config(Section):
    """The whole of ``tagalong.toml``."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    keep_bundles: PositiveInt = 5
    events: EventSettings = EventSettings()
    collaborative: CollaborativeSettings = CollaborativeSettings()
    neighbours: NeighbourSettings = NeighbourSettings()
    transitions: TransitionSettings = TransitionSettings()
    content: ContentSettings = ContentSettings()
    ranker: RankerSettings = RankerSettings()
    live: LiveSettings = LiveSettings()
    tag_rules: tuple[TagRule, ...] = ()
    derived_tags: tuple[DerivedTag, ...] = ()
    placements: dict[str, Placement] = Field(default_factory=default_placements)
    """A placement that is given by name changes that default one, key by key, or is added to the six."""

    @field_validator("placements", mode="before")
    @classmethod
    def _over_defaults(cls, given: Any) -> Any:
        defaults = default_placements()
        if not isinstance(given, dict):
            return given
        return defaults | {
            name: _over(defaults[name].model_dump(), table) if name in defaults else table
            for name, table in given.items()
        }

    @field_validator("derived_tags")
    @classmethod
    def _no_cycle(cls, derived: tuple[DerivedTag, ...]) -> tuple[DerivedTag, ...]:
        """Refuse tags that bring themselves, directly or through others."""
        graph: dict[str, set[str]] = {}
        for each in derived:
            graph.setdefault(each.tag, set()).update(each.brings)
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            raise ValueError(f"a cycle: {' → '.join(reversed(error.args[1]))}") from None
        return derived
