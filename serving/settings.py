"""What the surroundings decide: folders, addresses and time limits; the only reader of the environment."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, field_validator

from recommender.bundle_io import signing_key
from recommender.errors import ConfigError

PREFIX = "TAGALONG_"


class Settings(BaseModel):
    """Where this process finds its data and its Redis, and how long it waits for them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Path("data")
    """The data folder; a shop's part of it is ``shop_folder``."""
    shop: str = "main"
    config: Path | None = None
    """``tagalong.toml``; None takes the configuration inside the bundle."""
    bundle_key: str | None = Field(default=None, repr=False)
    """Bundles that are not signed with it are refused."""
    redis_url: str | None = None
    """None starts an embedded server under ``tagalong serve``."""
    redis_timeout_ms: PositiveInt = 100
    """How long one connect or one answer of Redis may take."""
    appendfsync: Literal["always", "everysec"] = "everysec"
    """How the embedded Redis writes its log through to the disk."""
    host: str = "127.0.0.1"
    port: int = 8080
    workers: PositiveInt = 2
    threads: PositiveInt = 4
    """Requests that one worker handles at a time; with eight, cached answers are a tenth slower.

    A client that never finishes a body holds one of them.
    """
    drain_seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """After SIGTERM ``/readyz`` says that the service ends, and requests are still answered, for so long.

    A second signal cuts that short.
    """
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics_folder: Path | None = None
    """Where workers share their counters; None counts in this process alone. ``tagalong serve`` names one."""
    ending: Path | None = None
    """A file that is there once the service is about to end. ``tagalong serve`` names one."""

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, url: str | None) -> str | None:
        if url is not None and not re.match(r"(rediss?|unix)://.", url):
            raise ValueError(f"{url!r} begins with none of redis://, rediss:// and unix://")
        return url

    @classmethod
    def read(cls, environment: Mapping[str, str], **options: Path | str | int | None) -> Self:
        """Read ``TAGALONG_<FIELD>`` and ``REDIS_URL`` from ``environment``; ``options`` stand above them.

        A wrong value raises ConfigError.
        """
        names = {f"{PREFIX}{field.upper()}": field for field in cls.model_fields} | {"REDIS_URL": "redis_url"}
        given = {field: environment[name] for name, field in names.items() if environment.get(name)}
        try:
            return cls.model_validate(given | options)
        except ValidationError as error:
            first = error.errors()[0]
            field = str(first["loc"][0])
            raise ConfigError(next(n for n, f in reversed(names.items()) if f == field), first["msg"]) from error

    @property
    def shop_folder(self) -> Path:
        """Return the folder of this shop's log and bundles."""
        return self.data / self.shop

    @property
    def signing_key(self) -> bytes | None:
        """Return the key as bundles are signed with it."""
        return signing_key(self.bundle_key)

    def environment(self) -> dict[str, str]:
        """Return the variables from which ``read`` makes these settings again, in another process."""
        dumped = self.model_dump(mode="json", exclude_none=True)
        return {f"{PREFIX}{field.upper()}": str(value) for field, value in dumped.items()}


def process_environment() -> dict[str, str]:
    """Return a copy of this process's environment."""
    return dict(os.environ)  # noqa: TID251 - the one place
