"""Stops asking a part that does not answer, and tries it again by itself."""

from collections.abc import Callable
from threading import Lock
from types import TracebackType

import structlog
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from recommender.errors import Unavailable

log = structlog.get_logger()

FAILURES = (RedisConnectionError, RedisTimeoutError, OSError)


class Breaker:
    """Lets calls through until one fails; then one trial every ``pause`` seconds, until one succeeds.

    Used as a context manager around each call. Raises Unavailable in place of the failures that it counts.
    """

    def __init__(
        self,
        part: str,
        monotonic: Callable[[], float],
        pause: float = 1.0,
        changed: Callable[[bool], object] = lambda is_open: None,
    ) -> None:
        """Guard ``part`` (its name in errors); ``monotonic`` gives seconds that never run backwards.

        ``changed`` is told whenever it opens or closes.
        """
        self.part, self._monotonic, self._pause, self._changed = part, monotonic, pause, changed
        self._lock = Lock()
        self._open = False
        self._trial_at = 0.0

    @property
    def is_open(self) -> bool:
        """Return whether the last call failed."""
        return self._open

    def __enter__(self) -> None:
        """Raise Unavailable if it is not yet time to try again."""
        if self._open:
            self._claim_trial()

    def _claim_trial(self) -> None:
        with self._lock:
            now = self._monotonic()
            if self._open and now < self._trial_at:
                raise Unavailable(self.part)
            self._trial_at = now + self._pause

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Note how the call ended; an error that Redis sends is an answer too."""
        if isinstance(error, FAILURES):
            if not self._open:
                self._changed(True)
                log.error("does not answer", part=self.part, error=repr(error))
            self._trial_at = self._monotonic() + self._pause
            self._open = True
            raise Unavailable(self.part) from error
        if self._open and (error is None or isinstance(error, RedisError)):
            self._open = False
            self._changed(False)
            log.info("answers again", part=self.part)
