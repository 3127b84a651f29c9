"""Holds the shelf in use, and replaces it when a bundle is published or the catalogue changes."""

from collections.abc import Callable
from dataclasses import replace
from threading import Lock

import structlog

from recommender.bundle import Bundle
from recommender.config import Config
from recommender.errors import NoBundle, Unavailable
from serving.ports import Stock, StockChanges
from serving.shelf import Shelf, fresh_shelf
from serving.stocking import KnownChanges, stocked
from serving.stream import StreamId

log = structlog.get_logger()


class Shelves:
    """Replacing the shelf is one assignment, so a request sees the old one or the new one, whole."""

    def __init__(
        self,
        stock: Stock,
        blank: Bundle,
        config: Config | None,
        clock: Callable[[], float],
        archived: Callable[[Bundle], StockChanges] = lambda bundle: StockChanges(0, {}, {}),
    ) -> None:
        """Begin with ``blank``, a bundle that knows nothing; ``config`` stands above the bundles' own.

        What is ``archived`` has to do while the ``stock`` was never read, or is empty: Redis is down, or lost its data.
        """
        self._stock, self._config, self._clock, self._archived = stock, config, clock, archived
        self._known = KnownChanges()
        self._lock = Lock()
        self._shelf = replace(fresh_shelf(blank, config), is_blank=True)

    @property
    def shelf(self) -> Shelf:
        """Return the shelf in use."""
        return self._shelf

    def use(self, bundle: Bundle) -> None:
        """Recommend from ``bundle`` from the next request on, with every change of the catalogue that is known."""
        with self._lock:
            self._learn()
            changes = self._news(bundle, 0) if self._known.revision else self._off_sale(bundle)
            self._shelf = stocked(fresh_shelf(bundle, self._config), changes, int(self._clock()))
        log.info("bundle in use", bundle=bundle.info.bundle_id)

    def begin(self, blank: Bundle) -> None:
        """Recommend from ``blank``, a bundle of which no customer is known, unless a trained one is in use."""
        with self._lock:
            if self._shelf.is_blank:
                self._learn()
                shelf = replace(fresh_shelf(blank, self._config), is_blank=True)
                self._shelf = stocked(shelf, self._known.after(0), int(self._clock()))

    def at_least(self, revision: int) -> Shelf:
        """Return a shelf that holds the catalogue's changes up to ``revision``; an older one while Redis is down."""
        if self._shelf.revision >= revision:
            return self._shelf
        with self._lock:
            if self._shelf.revision < revision:
                self._learn()
                self._catch_up()
            return self._shelf

    def refresh(self) -> None:
        """Learn the catalogue's changes where no request does: while Redis is down, what is known has to do."""
        with self._lock:
            self._learn()
            if self._known.revision > self._shelf.revision:
                self._catch_up()

    def _catch_up(self) -> None:
        news = self._news(self._shelf.bundle, self._shelf.revision)
        self._shelf = stocked(self._shelf, news, int(self._clock()))

    def _off_sale(self, bundle: Bundle) -> StockChanges:
        """Return what the archive says, since it was made, of the items that the bundle holds."""
        archived = self._archived(bundle)
        held = {item: says for item, says in archived.items.items() if bundle.catalogue.items.row(item) >= 0}
        return StockChanges(archived.revision, held, archived.since)

    def _news(self, bundle: Bundle, revision: int) -> StockChanges:
        """Return the changes after ``revision`` that are known and that the bundle does not hold."""
        return self._known.after(revision).beyond(StreamId.read(bundle.info.archived_until))

    def _learn(self) -> None:
        """Add what changed since to what is known; where it cannot be read, what is known has to do."""
        try:
            news = self._stock.changes(self._known.revision)
        except Unavailable:
            return
        if news.items or news.revision != self._known.revision:
            self._known.add(news)

    def ping(self) -> None:
        """Raise NoBundle while nothing is published."""
        if self._shelf.is_blank:
            raise NoBundle("current", "none is in use: none was published yet, or the log says why it was refused")
