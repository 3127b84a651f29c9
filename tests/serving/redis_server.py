"""A real Redis or Valkey for tests, that can be killed and brought back."""

import subprocess
import time
from pathlib import Path

import redis

from serving.adapters.embedded_redis import EmbeddedRedis, embedded_redis


class RedisServer:
    """One server process over one folder."""

    def __init__(self, folder: Path, program: str) -> None:
        self.server: EmbeddedRedis = embedded_redis(folder, "everysec", program)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.server.url

    def start(self) -> "RedisServer":
        self.process = subprocess.Popen(self.server.command)
        deadline = time.monotonic() + 30
        while not self.server.answers():
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        return self

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def client(self) -> "redis.Redis":
        return redis.Redis.from_url(self.url)
