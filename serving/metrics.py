"""What the service counts and times; correct over several workers when they share a folder."""

import os
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from serving.answers import Answer

LATENCY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Metrics:
    """The service's counters, made once a worker."""

    def __init__(self, folder: Path | None = None) -> None:
        """Count in ``folder``, together with other workers, or in this process alone where it is None."""
        self._folder = folder
        self._bundle: str | None = None
        self._children: dict[tuple[str, str, str], Histogram] = {}
        self.registry = CollectorRegistry()
        count, gauge = partial(Counter, registry=self.registry), partial(Gauge, registry=self.registry)
        self.lists = Histogram(
            "tagalong_recommendation_seconds",
            "Lists answered and the time they took, by placement and by how they were made.",
            ("placement", "served_by", "degraded"),
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.anonymous = count(
            "tagalong_non_personalised", "Lists that used no profile because the customer wished so."
        )
        self.refused_bundles = count("tagalong_refused_bundles", "Published bundles that failed a worker's checks.")
        self.redis_failures = count("tagalong_redis_failures", "Calls that Redis did not answer.")
        self.events = count("tagalong_events", "Parts of event calls.", ("outcome",))
        waits = partial(gauge, multiprocess_mode="mostrecent")
        self.log_entries = waits("tagalong_log_entries", "Entries of the event log that are not archived yet.")
        self.log_seconds = waits("tagalong_log_oldest_seconds", "How long the oldest of them has waited.")
        self.problems = count("tagalong_problems", "Answers that are problems.", ("route", "status"))
        self.unavailable = count("tagalong_unavailable", "Calls refused because a part cannot be used.", ("part",))
        self.compaction_failures = count("tagalong_compaction_failures", "Live states that could not be compacted.")
        down = "1 while a part does not answer, in any worker."
        self.down = gauge("tagalong_part_down", down, ("part",), multiprocess_mode="livemax")
        using = "How many workers recommend from a bundle."
        self.bundles = gauge("tagalong_workers_on_bundle", using, ("bundle",), multiprocess_mode="livesum")
        made = "When the bundle in use was made; of the oldest in use."
        self.bundle_created = gauge("tagalong_bundle_created_timestamp_seconds", made, multiprocess_mode="livemin")

    def count_events(self, outcome: str, number: int) -> None:
        """Count parts of event calls by what became of them."""
        if number:
            self.events.labels(outcome).inc(number)

    def log_waits(self, entries: int, since: int, now: float) -> None:
        """Note what the archiver has still to do at ``now``, and ``since`` when: milliseconds, 0 for nothing."""
        self.log_entries.set(entries)
        self.log_seconds.set(max(now - since / 1000, 0) if since else 0)

    def bundle_in_use(self, bundle_id: str, created: datetime) -> None:
        """Note which bundle this worker recommends from."""
        if self._bundle is not None:
            self.bundles.labels(self._bundle).set(0)
        self._bundle = bundle_id
        self.bundles.labels(bundle_id).set(1)
        self.bundle_created.set(created.timestamp())

    def count(self, answer: Answer, *, personal: bool) -> None:
        """Count one answered list; ``personal`` is False where a named customer wished for a common one."""
        labels = (answer.placement, answer.served_by, "true" if answer.degraded else "false")
        (self._children.get(labels) or self._child(labels)).observe(answer.took)
        if not personal:
            self.anonymous.inc()

    def _child(self, labels: tuple[str, str, str]) -> Histogram:
        """Look the series up once; a look-up costs more than counting."""
        self._children[labels] = self.lists.labels(*labels)
        return self._children[labels]

    def text(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        if self._folder is None:
            return generate_latest(self.registry)
        sweep(self._folder)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def sweep(folder: Path) -> None:
    """Drop the live gauges of workers that have died; their counters stay, so that sums never fall."""
    stems = {file.stem.rpartition("_")[2] for file in folder.glob("*.db")}
    for pid in (int(stem) for stem in stems if stem.isdigit()):
        try:
            os.kill(pid, 0)
        except (PermissionError, ProcessLookupError):  # gone, or somebody else's process by now
            with suppress(FileNotFoundError):  # another worker sweeps too
                mark_process_dead(pid, path=str(folder))  # type: ignore[no-untyped-call]
