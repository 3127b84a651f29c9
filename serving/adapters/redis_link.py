"""The way to Redis: short time limits, no waiting retries, a breaker. It raises Unavailable soon; it never hangs.

A Redis that refuses a command (it is full, read-only, or loading) is as good as one that does not answer.
"""

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha1
from math import inf
from threading import BoundedSemaphore, get_ident, local
from time import monotonic
from types import TracebackType
from typing import Any
from weakref import WeakSet

import hiredis
import redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.retry import Retry

from recommender.errors import Unavailable
from serving.adapters.breaker import Breaker

READY, READY_SECONDS = "ready", 60
"""A key that is written to see whether it can be."""
SLOW_SECONDS, TURN_SECONDS = 0.4, 0.1
"""Where a call takes so long, or the last one did, threads wait so long for their turn; else as for an answer."""


def pack(*parts: str | bytes | int) -> bytes:
    """Return a command as Redis reads it."""
    packed: bytes = hiredis.pack_command(parts)  # type: ignore[arg-type]  # its stub says a tuple of one
    return packed


class Turns:
    """Lets so many threads at a time through to what a breaker guards. Raises Unavailable for the others."""

    def __init__(self, most: int, timeout: float, breaker: Breaker) -> None:
        """Let ``most`` through; the others wait for ``timeout`` seconds, and less where calls are slow."""
        self._free, self._timeout, self._breaker = BoundedSemaphore(most), timeout, breaker
        self._took = 0.0
        self._began: dict[int, float] = {}
        """When the call began that a thread is in."""

    def __enter__(self) -> None:
        """Wait for a turn."""
        until = monotonic() + self._timeout
        while not self._free.acquire(timeout=TURN_SECONDS):
            if self._is_slow() or monotonic() >= until:
                raise Unavailable(self._breaker.part, why="is busy")
        self._began[get_ident()] = monotonic()
        try:
            self._breaker.__enter__()
        except Unavailable:
            self._leave()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let the next one through."""
        self._took = monotonic() - self._began[get_ident()]
        self._leave()
        self._breaker.__exit__(kind, error, at)

    def _leave(self) -> None:
        del self._began[get_ident()]
        self._free.release()

    def _is_slow(self) -> bool:
        return max(self._took, monotonic() - min(list(self._began.values()), default=inf)) >= SLOW_SECONDS


class RedisLink:
    """One Redis, shared by all threads of a worker."""

    def __init__(
        self, url: str, timeout: float, breaker: Breaker, *, most: int | None = None, connections: int = 64
    ) -> None:
        """Connect to nothing yet; ``timeout`` in seconds is for one connect and for one answer.

        At ``most`` so many threads use it at a time; whoever finds no turn is refused, soon where Redis takes long: the
        other threads are left to those who do not need it.
        """
        self._pool = redis.ConnectionPool.from_url(
            url,
            max_connections=connections,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
        )
        self._threads = local()
        self._owned: WeakSet[Any] = WeakSet()
        self._client = redis.Redis(connection_pool=self._pool)
        self._breaker = breaker
        self._guard = breaker if most is None else Turns(most, timeout, breaker)

    def run(self, use: Callable[["redis.Redis"], Any]) -> Any:
        """Return what ``use`` makes of the client, whose own types leave open what comes; raises Unavailable."""
        try:
            with self._guard:
                return use(self._client)
        except RedisError as error:
            raise self._refused() from error

    def exchange(self, request: bytes, replies: int) -> list[Any]:
        """Send packed commands in one write and return their ``replies`` in order.

        For the one read that every request makes: the bare protocol over a connection of the thread's own costs a third
        of a pipeline object. Where the connection was closed since its last use (a restart, an idle limit), a new one
        is asked once more: requests must be safe to repeat.

        Raises, when all replies have been read, NoScriptError for a script that Redis does not know; else Unavailable.
        """
        with self._guard:
            connection = self._own_connection()
            kept = connection.is_connected
            try:
                found = _exchanged(connection, request, replies)
            except RedisConnectionError:
                if not kept:
                    raise
                found = _exchanged(connection, request, replies)
        error = next((reply for reply in found if isinstance(reply, RedisError)), None)
        if error is None:
            return found
        if isinstance(error, NoScriptError):
            raise error
        raise self._refused() from error

    def _refused(self) -> Unavailable:
        return Unavailable(self._breaker.part, retry_after=2, why="refuses the command")

    def evaluate(self, script: str, names: Sequence[str], arguments: Sequence[str | bytes | int]) -> Any:
        """Return what a script says of the keys ``names``; its text is sent only where Redis does not know it.

        It is sent as ``exchange`` sends, so it must be safe to repeat.
        """
        call = (len(names), *names, *arguments)
        try:
            return self.exchange(pack("EVALSHA", _digest(script), *call), 1)[0]
        except NoScriptError:
            return self.exchange(pack("EVAL", script, *call), 1)[0]

    def _own_connection(self) -> Any:
        try:
            return self._threads.connection
        except AttributeError:
            self._threads.connection = self._pool.make_connection()
            self._owned.add(self._threads.connection)
            return self._threads.connection

    def close(self) -> None:
        """Close all connections; whoever asks again opens new ones."""
        for connection in list(self._owned):
            connection.disconnect()
        self._pool.disconnect()

    def ping(self) -> None:
        """Raise Unavailable unless Redis answers and can be written to: a full or read-only one is not ready."""
        self.run(lambda client: client.set(READY, b"1", ex=READY_SECONDS))


@cache
def _digest(script: str) -> str:
    return sha1(script.encode(), usedforsecurity=False).hexdigest()


def _exchanged(connection: Any, request: bytes, replies: int) -> list[Any]:
    try:
        connection.send_packed_command([request])
        return [_reply(connection) for _ in range(replies)]
    except BaseException:
        connection.disconnect()  # half an answer may be on its way
        raise


def _reply(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
