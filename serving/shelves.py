"""The bundle in use and the catalogue's changes since, swapped as one value between requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from threading import Lock

import structlog

from recommender.bundle import Bundle
from recommender.config import Config
from recommender.errors import NoBundle, Unavailable
from serving.ports import Stock, StockChanges

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """What one worker recommends from."""

    bundle: Bundle
    """Its catalogue holds the shop's changes up to ``revision``."""
    token: bytes
    """Eight bytes that differ whenever the bundle or the configuration does."""
    revision: int = 0
    changed: Mapping[str, int] = field(default_factory=dict)
    """The revision at which an item changed last, by item id."""

    @property
    def config(self) -> Config:
        """Return the configuration in use."""
        return self.bundle.info.config


def token(bundle_id: str, config: Config) -> bytes:
    """Return the eight bytes that name a bundle under a configuration."""
    return blake2b(f"{bundle_id}\n{config.model_dump_json()}".encode(), digest_size=8).digest()


class Shelves:
    """Holds the shelf in use; replacing it is one assignment, so a request sees the old one or the new one, whole."""

    def __init__(self, stock: Stock) -> None:
        """Begin with no bundle."""
        self._stock = stock
        self._shelf: Shelf | None = None
        self._known = StockChanges(0, {}, {})
        self._lock = Lock()

    @property
    def shelf(self) -> Shelf | None:
        """Return the shelf in use, or None before the first bundle."""
        return self._shelf

    def use(self, bundle: Bundle) -> None:
        """Recommend from ``bundle`` from now on, with every change of the catalogue that is known."""
        with self._lock:
            self._learn()
            fresh = Shelf(bundle, token(bundle.info.bundle_id, bundle.info.config))
            self._shelf = stocked(fresh, self._known)
        log.info("bundle in use", bundle=bundle.info.bundle_id)

    def at_least(self, revision: int) -> Shelf | None:
        """Return a shelf that holds the catalogue's changes up to ``revision``."""
        shelf = self._shelf
        if shelf is None or shelf.revision >= revision:
            return shelf
        with self._lock:
            if self._known.revision < revision:
                self._learn()
            if self._shelf is not None and self._shelf.revision < self._known.revision:
                self._shelf = stocked(self._shelf, self._known)
            return self._shelf

    def _learn(self) -> None:
        """Add what changed since to what is known; when Redis is down, what is known has to do."""
        try:
            news = self._stock.changes(self._known.revision)
        except Unavailable:
            return
        known = self._known
        self._known = StockChanges(news.revision, {**known.items, **news.items}, {**known.since, **news.since})

    def ping(self) -> None:
        """Raise NoBundle while there is nothing to recommend from."""
        if self._shelf is None:
            raise NoBundle("current", "no bundle is published yet")


def stocked(shelf: Shelf, changes: StockChanges) -> Shelf:
    """Return the shelf with all changes after its own revision in its catalogue."""
    return replace(shelf, revision=changes.revision, changed=changes.since)
