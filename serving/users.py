"""What a customer is, and what they and the shop may change of it: declarations, tags, preferences, one identity."""

from collections.abc import Mapping, Sequence
from typing import Any

from features.customer import summary
from features.profile import Profile, join_histories, work_out_tags
from features.tables import TAKEN
from features.tag_rules import CustomerTag
from recommender.errors import InvalidInput, NotFound
from recommender.times import timestamp
from recommender.values import Histories
from serving.ports import REPLACED
from serving.services import Services

MOST_ATTRIBUTES = 50


def get_user(services: Services, user_id: str) -> dict[str, Any]:
    """Return a customer as the service sees them now; somebody unknown has nothing but the id."""
    one = services.customers.resolve(user_id)
    profile, history = _history(services, one)
    now, live = int(services.clock()), services.customers.export(one)
    since = live["declared_at"]
    in_files = {} if profile.erased_at else services.archived.declared_of(one)
    silent = {"personalize", *TAKEN, *(REPLACED if since else ())}
    return {
        "user_id": one,
        "declared": {**{name: says for name, says in in_files.items() if name not in silent}, **live["declared"]},
        "declared_at": timestamp(since) if since else None,
        "preferences": {"personalize": profile.personalize},
        "merged": list(profile.also),
        "tags": [shown(tag) for tag in _tags(services, profile, history)],
        **summary(history, now, services.snapshots.current.config.live.spent_well),
    }


def declare(services: Services, said: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Replace what is declared of customers; of all or of none."""
    if said:
        services.customers.declare(said, services.clock())


def amend(services: Services, user_id: str, changes: Mapping[str, Any]) -> None:
    """Change what is declared of a customer field by field; None takes a field, or one of ``attributes``, away.

    What files declared is declared anew with it. Of two calls at one moment the later one wins. Raises InvalidInput
    where there would be more than ``MOST_ATTRIBUTES``.
    """
    known = get_user(services, user_id)["declared"]
    whole = {name: known[name] for name in REPLACED if name in known} | dict(changes)
    if changes.get("attributes") is not None:
        whole["attributes"] = _given({**known.get("attributes", {}), **changes["attributes"]})
        if len(whole["attributes"]) > MOST_ATTRIBUTES:
            raise InvalidInput("attributes", f"would be {len(whole['attributes'])}, of at most {MOST_ATTRIBUTES}")
    declare(services, [(user_id, _given(whole))])


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def get_tags(services: Services, user_id: str) -> dict[str, Any]:
    """Return the customer's tags, the heaviest first, each with where it comes from, and the muted ones."""
    one = services.customers.resolve(user_id)
    profile, history = _history(services, one)
    found = [shown(tag) for tag in _tags(services, profile, history)]
    return {"user_id": one, "tags": found, "muted": sorted(profile.muted)}


def give_tag(services: Services, user_id: str, tag: str, weight: float) -> dict[str, Any]:
    """Put a tag on a customer by hand; this unmutes it."""
    one = services.customers.resolve(user_id)
    services.customers.give(one, tag, weight, services.clock())
    return get_tags(services, one)


def mute_tag(services: Services, user_id: str, tag: str) -> dict[str, Any]:
    """Take a tag off a customer and keep behaviour from bringing it back; raises NotFound where they never had it."""
    one = services.customers.resolve(user_id)
    profile, history = _history(services, one)
    if tag not in profile.muted:
        # Of many tags only the heaviest are in use; the others are kept, and may be taken off, all the same.
        if all(each.name != tag for each in (*profile.given, *_tags(services, profile, history))):
            raise NotFound("tag", tag)
        services.customers.mute(one, tag)
    return get_tags(services, one)


def choose(services: Services, user_id: str, personalize: bool) -> dict[str, Any]:
    """Keep the customer's choice of personal or common lists."""
    one = services.customers.resolve(user_id)
    services.customers.choose(one, personalize, services.clock())
    return get_preferences(services, one)


def get_preferences(services: Services, user_id: str) -> dict[str, Any]:
    """Return what the customer chose."""
    one = services.customers.resolve(user_id)
    return {"user_id": one, "personalize": services.profiles.read([one])[0].personalize}


def merge(services: Services, user_id: str, visitor_id: str) -> dict[str, Any]:
    """Join a visitor into a customer, at once; doing it again changes nothing. Raises Conflict."""
    done = services.customers.merge(visitor_id, user_id, services.clock())
    return {"user_id": services.customers.resolve(user_id), "visitor_id": visitor_id, "merged": done}


def shown(tag: CustomerTag) -> dict[str, Any]:
    """Return a tag in the words of the API."""
    return {
        "tag": tag.name,
        "weight": round(tag.weight, 4),
        "provenance": tag.provenance,
        "rule": tag.rule,
        "since": timestamp(tag.since),
        "evidence": list(tag.evidence),
    }


def _history(services: Services, one: str) -> tuple[Profile, Histories]:
    profile = services.profiles.read([one])[0]
    snapshot = services.snapshots.current
    return profile, join_histories(snapshot.bundle, [profile], snapshot.row_of)


def _tags(services: Services, profile: Profile, history: Histories) -> tuple[CustomerTag, ...]:
    snapshot = services.snapshots.current
    return work_out_tags(snapshot.bundle, [profile], history, int(services.clock()), snapshot.tagging)[0]
