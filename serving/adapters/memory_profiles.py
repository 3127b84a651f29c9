"""Twin of the Redis adapter of profiles, over the state of the customers' twin; nothing expires."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from features.live_events import LiveEvents
from features.profile import Profile
from features.tag_rules import CustomerTag
from serving.adapters import tag_codec
from serving.adapters.memory_customers import MemoryCustomers, Person


@dataclass(frozen=True, slots=True)
class MemoryProfiles:
    """Reads the profiles of the people that ``customers`` keeps."""

    customers: MemoryCustomers
    clock: Callable[[], float]

    def read(self, ids: Sequence[str]) -> list[Profile]:
        """Return the profile of each id, an empty one for the unknown."""
        people, now = self.customers.people, self.clock()
        return [_profile(one, people.get(one, Person()), self.customers.revision(one), now) for one in ids]


def _profile(one: str, person: Person, revision: int, now: float) -> Profile:
    kept = [tag_codec.read(name, value, now) for name, value in person.tags.items()]
    declared = person.declared or {}
    since = person.declared_at or 0
    return Profile(
        user_id=one,
        also=tuple(person.also),
        events=LiveEvents.unpacked([*person.seen, *person.events]),
        given=(
            *(CustomerTag(name, 1.0, "declared", since) for name in declared.get("tags") or ()),
            *(tag for tag in kept if tag),
        ),
        declares=person.declared is not None,
        muted=frozenset(name for name, value in person.tags.items() if tag_codec.is_muted(value)),
        personalize=all(person.permissions.values()),
        erased_at=person.erased_at,
        revision=revision,
    )
