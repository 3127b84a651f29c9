"""Published bundles from the shop's folder. A bundle that fails its checks is refused, and the one in use stays.

Where none is in use yet, for the worker has just started, it is the one that was published before.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from machine.publications import read_record
from recommender.bundle import Bundle
from recommender.bundle_io import CURRENT, MANIFEST, load
from recommender.errors import BundleError

log = structlog.get_logger()

SECONDS = 1.0
"""Between two looks at what is published."""


class BundleFolder:
    """Sees which bundle is current, and loads it when that changes."""

    def __init__(self, folder: Path, key: bytes | None = None, refused: Callable[[], object] = lambda: None) -> None:
        """Look at ``<folder>/current``, a symbolic link that publishing replaces; ``key`` must have signed it.

        ``refused`` is called for every bundle that cannot be used.
        """
        self._folder, self._key, self._refused = folder, key, refused
        self._seen: tuple[str, int, int] | None = None

    def fresh(self, *, or_earlier: bool = True) -> Bundle | None:
        """Return the current bundle if it was published since the last call, else None.

        In place of one that fails its checks the one before it may stand in.
        """
        current = self._current()
        if current is None or current == self._seen:
            return None
        try:
            bundle = self._sound(current[0])
            if bundle is None and or_earlier:
                bundle = self._earlier(current[0])
        except (OSError, MemoryError) as error:  # of the machine, not of the bundle: it may be over at the next look
            log.error("bundle not read, will be tried again", bundle=current[0], error=repr(error))
            return None
        self._seen = current
        return bundle

    def _sound(self, name: str) -> Bundle | None:
        """Return a bundle, or None where it fails its checks."""
        try:
            return load(self._folder / name, key=self._key)
        except BundleError as error:
            self.refuse(name, error)
            return None

    def _earlier(self, refused: str) -> Bundle | None:
        """Return the sound bundle that was published last before the one that is ``refused``."""
        try:
            names = [one for one in read_record(self._folder).published if one != refused]
        except BundleError as error:
            log.error("nobody knows which bundle was published before", error=str(error))
            return None
        for name in reversed(names):
            try:
                bundle = load(self._folder / name, key=self._key)
            except (BundleError, OSError) as error:
                log.warning("an earlier bundle cannot stand in", bundle=name, error=str(error))
            else:
                log.error("an earlier bundle stands in", bundle=name, refused=refused)
                return bundle
        return None

    def refuse(self, bundle_id: str, error: Exception) -> None:
        """Note that a bundle cannot be used."""
        self._refused()
        log.error("bundle refused", bundle=bundle_id, error=str(error))

    def _current(self) -> tuple[str, int, int] | None:
        """Return which bundle it is, and when it was published and written: it may have come while it was copied."""
        link = self._folder / CURRENT
        try:
            manifest = link / MANIFEST
            written = manifest.stat().st_mtime_ns if manifest.exists() else 0
            return os.readlink(link), link.lstat().st_mtime_ns, written
        except OSError:
            return None


def watch(look: Callable[[], None]) -> Callable[[], None]:
    """Call ``look`` every second from now on, in a thread that ends with the process; returns what stops it."""

    def keep_looking() -> None:
        while not pause.wait(SECONDS):
            try:
                look()
            except Exception:  # whatever it was: a worker that no longer looks would serve an old bundle for ever
                log.exception("the look for bundles failed")

    pause = threading.Event()
    threading.Thread(target=keep_looking, name="watch", daemon=True).start()
    return pause.set
