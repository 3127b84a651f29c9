"""The right to be forgotten, and the right to see everything: receipts that can be verified, and exports."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from secrets import token_hex
from typing import Any

from features.profile import Profile
from recommender.errors import NotFound
from recommender.times import timestamp
from recommender.values import EventType
from serving.ports import Erasure
from serving.services import Services
from serving.users import get_tags, shown


def erase(services: Services, user_id: str) -> dict[str, Any]:
    """Forget a customer and the visitors merged into them: live state now, files by the archiver. Returns the receipt.

    The order matters: what keeps training from reading them comes first, so a failure half-way forgets too much rather
    than too little, and asking again completes it.
    """
    one = services.customers.resolve(user_id)
    ids = tuple(dict.fromkeys((one, *services.profiles.read([one])[0].also, user_id)))
    now = services.clock()
    erasure = Erasure(token_hex(8), ids, int(now), {})
    services.erasures.ask(erasure)
    removed = services.customers.forget(ids, now)
    noted = services.erasures.add(erasure.receipt, removed, done=False)
    return _receipt(services, noted or replace(erasure, removed=removed))


def verify(services: Services, user_id: str, receipt: str) -> dict[str, Any]:
    """Return what an erasure removed, and, by looking, what is left of the customer now. Raises NotFound."""
    erasure = services.erasures.get(receipt)
    if erasure is None or user_id not in erasure.ids:
        raise NotFound("receipt", receipt)
    profiles = services.profiles.read(erasure.ids)
    left = {
        "live_events": sum(_before(p, erasure.asked_at) for p in profiles),
        "bundle_histories": sum(p.erased_at is None for p in profiles),
        "archive_rows": services.archived.rows_left(erasure),
        "dead_letters": services.archived.letters_left(erasure),
    }
    return _receipt(services, erasure) | {"left": left, "verified": erasure.done and not any(left.values())}


def _before(profile: Profile, moment: int) -> int:
    return int((profile.events.time <= moment).sum()) if len(profile.events) else 0


def _receipt(services: Services, erasure: Erasure) -> dict[str, Any]:
    model = services.snapshots.current.model
    return {
        "receipt": erasure.receipt,
        "user_id": erasure.ids[0],
        "ids": list(erasure.ids),
        "erased_at": timestamp(erasure.asked_at),
        "removed": dict(erasure.removed),
        "bundle": {"model": model, "masked": True},
        "status": "done" if erasure.done else "archive_pending",
    }


def export(services: Services, user_id: str) -> Iterator[dict[str, Any]]:
    """Return everything held of a customer, one record a kind of thing and one an event. Raises Unavailable at once."""
    one = services.customers.resolve(user_id)
    profile = services.profiles.read([one])[0]
    held = get_tags(services, one)
    felt = {tag["tag"] for tag in held["tags"]}
    ids, declared_of = (one, *profile.also), services.archived.declared_of
    stored = [shown(tag) for tag in profile.given if tag.name not in felt]
    live = [
        {"kind": "profile", "user_id": one, "merged": list(profile.also), **services.customers.export(one)},
        {"kind": "preferences", "personalize": profile.personalize},
        *({"kind": "tag", **tag} for tag in (*held["tags"], *stored)),
        *({"kind": "muted_tag", "tag": tag} for tag in held["muted"]),
        *_live(profile),
        *({"kind": "declared_in_files", "user_id": each, **said} for each in ids if (said := declared_of(each))),
    ]
    return chain(live, ({"kind": "event", **row} for row in services.archived.events_of(ids)))


def _live(profile: Profile) -> Iterator[dict[str, Any]]:
    events = profile.events
    columns = (
        events.items,
        events.event.tolist(),
        events.time.tolist(),
        events.quantity.tolist(),
        events.price.tolist(),
    )
    for item, event, time, quantity, price in zip(*columns, strict=True):
        yield {
            "kind": "live_event",
            "item_id": item,
            "event": EventType(event).name.lower(),
            "timestamp": timestamp(time),
            "quantity": quantity,
            "price": None if price != price else price,
        }
