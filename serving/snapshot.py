"""What one worker recommends from: a bundle whose catalogue is up to date, and what was worked out on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from features.tag_rules import TagRules
from features.tagging import Tagging, tagging
from features.tags import tag_rows
from recommender.bundle import Bundle
from recommender.catalogue import Catalogue
from recommender.config import Config
from recommender.filter_columns import item_tags
from recommender.filters import compile_boost, compile_filter
from recommender.policy import always_eligible
from recommender.values import EARLIEST, LATEST
from serving.answers import Listed
from serving.ports import CatalogueChanges

MOST_ROWS, MOST_EXPRESSIONS, FEWEST_EXPRESSIONS = 20_000, 200, 8
BYTES = 8 * 2**20
"""Of one kind of expressions' answers, each of which is as long as the catalogue; the fewest are kept all the same."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One state of the shop; a change of bundle, configuration or catalogue makes another one."""

    bundle: Bundle
    """Its catalogue holds the shop's changes up to ``revision``."""
    config: Config
    """The configuration in use: the bundle's own, or one that stands above it."""
    token: bytes
    """Eight bytes that differ whenever the bundle or the configuration does."""
    tagging: Tagging
    is_blank: bool = False
    """Nothing was trained yet."""
    revision: int = 0
    changed: Mapping[str, int] = field(default_factory=dict)
    """The revision at which an item changed last, by item id."""
    opened: int = 0
    """The revision at which an item last came on sale, or back."""

    @cached_property
    def row_of(self) -> Callable[[str], int]:
        """From an item's id to its row, −1 where unknown."""
        return lru_cache(MOST_ROWS)(self.bundle.catalogue.items.row)

    @cached_property
    def mask(self) -> Callable[[str], NDArray[np.bool_]]:
        """From a filter to (N,) whether it holds; raises FilterError."""
        return lru_cache(self._room(1))(partial(compile_filter, catalogue=self.bundle.catalogue))

    @cached_property
    def carrying(self) -> Callable[[str], NDArray[np.bool_]]:
        """From a tag to (N,) the items that carry it, or that its rules are about."""
        return lru_cache(self._room(1))(partial(carriers, self.bundle.catalogue, self.tagging.rules))

    @cached_property
    def boost(self) -> Callable[[str], NDArray[np.float32]]:
        """From a boost to (N,) lifts; raises FilterError."""
        return lru_cache(self._room(4))(partial(compile_boost, catalogue=self.bundle.catalogue))

    def _room(self, itemsize: int) -> int:
        """Return how many arrays of (N,) with ``itemsize`` bytes an item are kept."""
        fit = BYTES // max(len(self.bundle.catalogue) * itemsize, 1)
        return int(np.clip(fit, FEWEST_EXPRESSIONS, MOST_EXPRESSIONS))

    @cached_property
    def _turns(self) -> NDArray[np.int64]:
        return turns(self.bundle.catalogue)

    @cached_property
    def _eligible(self) -> Callable[[int], NDArray[np.bool_]]:
        """From any time to (N,) which items may be shown then; the two latest times asked about are remembered."""
        return lru_cache(2)(partial(always_eligible, self.bundle.catalogue))

    @property
    def model(self) -> str | None:
        """Return the bundle's id, or None before the first one."""
        return None if self.is_blank else self.bundle.info.bundle_id

    def eligible(self, now: int) -> NDArray[np.bool_]:
        """Return (N,) which items may be shown at ``now``; worked out once between two turns of the clock."""
        at = np.searchsorted(self._turns, now, side="right")
        return self._eligible(int(self._turns[at - 1]) if at else EARLIEST)

    def next_change(self, now: int) -> int:
        """Return when the next item comes on sale or goes off it; ``LATEST`` for never."""
        at = np.searchsorted(self._turns, now, side="right")
        return int(self._turns[at]) if at < len(self._turns) else LATEST

    def changed_since(self, listed: Listed) -> bool:
        """Return whether the catalogue has changed in a way that a list made earlier must obey."""
        if self.opened > listed.catalogue_revision:
            return True
        return any(self.changed.get(item, 0) > listed.catalogue_revision for item in listed.item_ids())


def turns(catalogue: Catalogue) -> NDArray[np.int64]:
    """Return the times at which an item comes on sale or goes off it, ascending."""
    times = np.concatenate([catalogue.available_from, np.minimum(catalogue.available_until, LATEST - 1) + 1])
    return np.unique(times[(times > EARLIEST) & (times < LATEST)])


def carriers(catalogue: Catalogue, rules: TagRules, tag: str) -> NDArray[np.bool_]:
    """Return (N,) the items that carry ``tag``, in any case if not in its own, or that its rule is about."""
    about = [mask for rule, mask in zip(rules.settings, rules.matches, strict=True) if rule.tag == tag and rule.when]
    row = int(tag_rows([tag], catalogue.tag_names)[0])
    spelled = catalogue.tag_names[row].removeprefix("tag:") if row >= 0 else tag
    return np.asarray(np.logical_or.reduce([item_tags(catalogue).having(spelled), *about]))


def snapshot_of(bundle: Bundle, config: Config | None) -> Snapshot:
    """Return a snapshot with the catalogue as the bundle has it; ``config`` stands above the bundle's own.

    A tag rule that does not fit the catalogue matches nothing.
    """
    chosen = config or bundle.info.config
    named = f"{bundle.info.bundle_id}\n{chosen.model_dump_json()}".encode()
    rules = tagging(bundle.catalogue, chosen, bundle.brings)
    return Snapshot(bundle, chosen, blake2b(named, digest_size=8).digest(), rules)


def with_changes(snapshot: Snapshot, bundle: Bundle, changes: CatalogueChanges, opened: int) -> Snapshot:
    """Return the snapshot with a catalogue that holds ``changes``."""
    return replace(
        snapshot,
        bundle=bundle,
        tagging=tagging(bundle.catalogue, snapshot.config, bundle.brings),
        revision=changes.revision,
        changed={**snapshot.changed, **changes.since},
        opened=opened,
    )
