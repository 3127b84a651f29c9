"""The archiver: moves the log to Parquet, fulfils erasures in the files, and lets the stream go only behind them."""

import threading
import time
from collections.abc import Callable

import pyarrow as pa
import structlog

from recommender.config import LiveSettings
from recommender.errors import Unavailable
from serving.archive import Archive
from serving.ports import Erasures, Files, Stream

log = structlog.get_logger()

LOOK_SECONDS = 0.5
"""Between two looks at whether there is enough to do."""
MOST_FILES = 64
"""Of one day, before they are made one."""


class Archiver:
    """One shop's archiver; one process at a time."""

    def __init__(
        self,
        stream: Stream,
        archive: Archive,
        erasures: Erasures,
        files: Files,
        live: LiveSettings,
        tell: Callable[[], object],
        rewrite: Callable[[bool], object],
    ) -> None:
        """Move what the ``stream`` holds to the ``archive``, and fulfil ``erasures`` in the ``files``.

        ``tell`` tells the live state what the files say that customers decided; ``rewrite`` rewrites what Redis keeps
        on disk, and is told whether anybody was erased.
        """
        self.stream, self.archive, self.erasures, self.files, self.live = stream, archive, erasures, files, live
        self._tell, self._rewrite = tell, rewrite
        self._trouble: str | None = None
        """What first went wrong since the last step that went well; what follows it is not told."""

    def drain(self) -> int:
        """Archive all that waits, and return how many entries that were. Raises Unavailable."""
        self._stay_after()
        moved = 0
        while entries := self.stream.waiting(self.live.archive_events):
            self.archive.add(entries)
            self.stream.trim(entries[-1].id)
            moved += len(entries)
            if len(entries) < self.live.archive_events:
                break
        return moved

    def work(self) -> int:
        """Archive all that waits, take erased customers out of the files, and pass on what these say of customers.

        Raises Unavailable.
        """
        try:
            erasures = self.erasures.open()
        except (Unavailable, OSError, pa.ArrowException):
            self.drain()  # what fills Redis, or a file that is damaged, must not keep the log from being archived
            raise
        moved = self.drain()
        for erasure in erasures:
            self.erasures.add(erasure.receipt, self.files.remove(erasure), done=True)
        self._tell()
        self._rewrite(bool(erasures))
        self.archive.tidy(MOST_FILES)
        return moved

    def run(self, stopped: threading.Event, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Work whenever enough waits, or has waited long enough, until ``stopped``; then once more."""
        worked = monotonic()
        while not self._patiently(self._stay_after) and not stopped.wait(LOOK_SECONDS):
            pass
        while not stopped.wait(LOOK_SECONDS):
            late = monotonic() - worked >= self.live.archive_seconds
            if self._patiently(self._work_if_late if late else self._work_if_full):
                worked = monotonic()
        self._patiently(self.work)

    def _stay_after(self) -> bool:
        """Make ids to come greater than what is archived: one that is not would be taken for archived."""
        self.stream.stay_after(self.archive.end())
        return True

    def _work_if_late(self) -> bool:
        return self.work() >= 0

    def _work_if_full(self) -> bool:
        is_full = self.stream.length() >= self.live.archive_events
        return (is_full or bool(self.erasures.open())) and self.work() >= 0

    def _patiently(self, step: Callable[[], object]) -> bool:
        """Return what the step says; a Redis that is down, a full disk and a damaged file are waited for."""
        try:
            done = bool(step())
        except (Unavailable, OSError, pa.ArrowException) as error:
            if self._trouble is None:
                self._trouble = repr(error.__cause__ or error)
                log.warning("archiver waits", error=self._trouble)
            return False
        if self._trouble is not None:
            log.info("archiver works again", error=self._trouble)
            self._trouble = None
        return done
