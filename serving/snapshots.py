"""Holds the snapshot in use, and replaces it when a bundle is published or the catalogue changes."""

from collections.abc import Callable
from dataclasses import replace
from threading import Lock

import structlog

from recommender.bundle import Bundle
from recommender.config import Config
from recommender.errors import NoBundle, Unavailable
from serving.catalogue_updates import KnownChanges, caught_up
from serving.ports import CatalogueChanges, CatalogueStore
from serving.snapshot import Snapshot, snapshot_of
from serving.stream import StreamId

log = structlog.get_logger()


class Snapshots:
    """Replacing the snapshot is one assignment, so a request sees the old one or the new one, whole."""

    def __init__(
        self,
        store: CatalogueStore,
        blank: Bundle,
        config: Config | None,
        clock: Callable[[], float],
        archived: Callable[[Bundle], CatalogueChanges] = lambda bundle: CatalogueChanges(0, {}, {}),
    ) -> None:
        """Begin with ``blank``, a bundle that knows nothing; ``config`` stands above the bundles' own.

        What is ``archived`` has to do while the ``store`` was never read, or is empty: Redis is down, or lost its data.
        """
        self._store, self._config, self._clock, self._archived = store, config, clock, archived
        self._known = KnownChanges()
        self._lock = Lock()
        self._current = replace(snapshot_of(blank, config), is_blank=True)

    @property
    def current(self) -> Snapshot:
        """Return the snapshot in use."""
        return self._current

    def use(self, bundle: Bundle) -> None:
        """Recommend from ``bundle`` from the next request on, with every change of the catalogue that is known."""
        with self._lock:
            self._learn()
            changes = self._news(bundle, 0) if self._known.revision else self._off_sale(bundle)
            self._current = caught_up(snapshot_of(bundle, self._config), changes, int(self._clock()))
        log.info("bundle in use", bundle=bundle.info.bundle_id)

    def begin(self, blank: Bundle) -> None:
        """Recommend from ``blank``, a bundle of which no customer is known, unless a trained one is in use."""
        with self._lock:
            if self._current.is_blank:
                self._learn()
                snapshot = replace(snapshot_of(blank, self._config), is_blank=True)
                self._current = caught_up(snapshot, self._known.after(0), int(self._clock()))

    def at_least(self, revision: int) -> Snapshot:
        """Return a snapshot that holds the catalogue's changes up to ``revision``; an older one while Redis is down."""
        if self._current.revision >= revision:
            return self._current
        with self._lock:
            if self._current.revision < revision:
                self._learn()
                self._catch_up()
            return self._current

    def refresh(self) -> None:
        """Learn the catalogue's changes where no request does: while Redis is down, what is known has to do."""
        with self._lock:
            self._learn()
            if self._known.revision > self._current.revision:
                self._catch_up()

    def _catch_up(self) -> None:
        news = self._news(self._current.bundle, self._current.revision)
        self._current = caught_up(self._current, news, int(self._clock()))

    def _off_sale(self, bundle: Bundle) -> CatalogueChanges:
        """Return what the archive says, since it was made, of the items that the bundle holds."""
        archived = self._archived(bundle)
        held = {item: says for item, says in archived.items.items() if bundle.catalogue.items.row(item) >= 0}
        return CatalogueChanges(archived.revision, held, archived.since)

    def _news(self, bundle: Bundle, revision: int) -> CatalogueChanges:
        """Return the changes after ``revision`` that are known and that the bundle does not hold."""
        return self._known.after(revision).beyond(StreamId.read(bundle.info.archived_until))

    def _learn(self) -> None:
        """Add what changed since to what is known; where it cannot be read, what is known has to do."""
        try:
            news = self._store.changes(self._known.revision)
        except Unavailable:
            return
        if news.items or news.revision != self._known.revision:
            self._known.add(news)

    def ping(self) -> None:
        """Raise NoBundle while nothing is published."""
        if self._current.is_blank:
            raise NoBundle("current", "none is in use: none was published yet, or the log says why it was refused")
