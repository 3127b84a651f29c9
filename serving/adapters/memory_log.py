"""Twin of the Redis adapter of the log, over the state of the customers' twin; nothing expires."""

from collections.abc import Sequence

from recommender.config import LiveSettings
from recommender.values import EventType
from serving.adapters.memory_customers import MemoryCustomers
from serving.event_records import Record
from serving.ports import Appended, Waiting


class MemoryLog:
    """Appends events to the stream, and to the live state of their customers."""

    def __init__(self, customers: MemoryCustomers) -> None:
        """Begin empty; events change the state of ``customers``, and wait in their stream."""
        self._customers = customers
        self._contents: dict[bytes, bytes] = {}

    def append(self, records: Sequence[Record], now: float, limits: LiveSettings) -> Appended:
        """Store ``records``; of one event id only the first counts."""
        heads = {record.user_id: self._customers.cache.heads[record.user_id] for record in records}
        beyond: dict[str, int] = {}
        status = "".join(self._judge(record, now, limits, beyond) for record in records)
        for name in beyond:
            heads[name].revision += 1
        same_as = {name: head.same_as for name, head in heads.items() if head.same_as}
        return Appended(status, {name: events for name, events in beyond.items() if events > 0}, same_as)

    def waiting(self) -> Waiting:
        """Return what is not archived yet."""
        entries = self._customers.stream.entries
        return Waiting(len(entries), entries[0].id.ms if entries else 0)

    def _judge(self, record: Record, now: float, limits: LiveSettings, beyond: dict[str, int]) -> str:
        head = self._customers.cache.heads[record.user_id]
        if head.same_as:
            return "m"
        erased_at = self._customers.people[record.user_id].erased_at
        if erased_at is not None and record.time < (erased_at + 1) * 1000:
            return "e"
        if record.identity in self._contents:
            return "d" if self._contents[record.identity] == record.content else "c"
        self._contents[record.identity] = record.content
        unlearned = {} if head.personalize else {b"unlearned": b"1"}
        self._customers.stream.add({b"event": record.payload, **unlearned}, now)
        if record.live is not None and head.personalize:
            beyond[record.user_id] = self._enter(record, record.live, limits) or beyond.get(record.user_id, 0)
        return "a"

    def _enter(self, record: Record, live: bytes, limits: LiveSettings) -> int:
        """Return how many live events the customer has beyond those that compaction keeps, 0 for an impression."""
        person = self._customers.people[record.user_id]
        if record.event is EventType.VIEW_ITEM_LIST:
            person.seen = [*person.seen, live][-limits.impressions :]
            return 0
        person.events.append(live)
        return max(len(person.events) - max(person.compacted, limits.recent_events), 0)
