"""``tagalong serve``: everything that one machine needs, started in order and stopped together."""

import gc
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path

from machine.config_file import load_config
from machine.rule_check import check_rules
from machine.shop_folder import ShopFolder
from machine.whole_files import locked
from recommender.errors import InvalidInput
from serving.adapters.bundles import BundleFolder
from serving.adapters.embedded_redis import embedded_redis
from serving.logs import configure
from serving.settings import Settings, process_environment
from serving.supervisor import Program, Supervisor

STOP_SECONDS = 10
"""How long a worker may take to finish its requests."""
MEMORY = Path("/dev/shm")
"""Files here are in memory."""


def serve(settings: Settings, started: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or Ctrl-C; ``started`` is called when requests are answered.

    Raises InvalidInput when the data folder or the port is in use, ConfigError for rules that make no sense.
    """
    configure(settings.log_level)
    check_config(settings)
    settings.data.mkdir(parents=True, exist_ok=True)
    _check_port(settings)
    with ExitStack() as stack:
        programs: list[Program] = []
        if settings.redis_url is None:
            stack.enter_context(_alone(settings.data / "redis"))
            redis = redis_program(settings)
            programs.append(redis)
            settings = with_redis(settings)
        settings = stack.enter_context(shared(settings))
        programs += [archiver_program(settings), workers_program(settings)]
        Supervisor(programs, partial(_announce_end, settings), settings.drain_seconds).run(started)


@contextmanager
def shared(settings: Settings) -> Iterator[Settings]:
    """Make a folder for what the processes of this one service share, and yield the settings that name it.

    Counters lie in memory where the machine has such a place: they are mapped files, and one that cannot grow, for the
    disk is full, would kill its worker. The configuration lies in the data folder, for what is in memory may be swept,
    and stays as it was checked: a worker that cannot start again takes the others with it.
    """
    where = f"{socket.gethostname()} {settings.data.resolve()} {settings.shop} {settings.host} {settings.port}"
    name = f"tagalong-{sha256(where.encode()).hexdigest()[:16]}"
    folder = settings.data / "run" / name
    counters = (MEMORY if MEMORY.is_dir() else folder) / name
    named: dict[str, Path] = {"metrics_folder": counters, "ending": folder / "ending"}
    try:
        for each in (folder, counters):
            shutil.rmtree(each, ignore_errors=True)
            each.mkdir(parents=True, mode=0o700)
        if settings.config is not None:
            named["config"] = folder / "tagalong.toml"
            shutil.copyfile(settings.config, named["config"])
        yield settings.model_copy(update=named)
    finally:
        for each in (folder, counters):
            shutil.rmtree(each, ignore_errors=True)


def _announce_end(settings: Settings) -> None:
    """Let ``/readyz`` say that the service ends."""
    if settings.ending is not None:
        with suppress(OSError):
            settings.ending.touch()


def check_config(settings: Settings) -> None:
    """Raise ConfigError for what every worker would refuse, again and again, and for rules that match nothing."""
    if settings.config is None:
        return
    config = load_config(settings.config)
    bundle = BundleFolder(ShopFolder(settings.shop_folder).bundles, settings.signing_key).fresh()
    if bundle is not None:
        check_rules(settings.config, config, bundle.catalogue)
    del bundle
    gc.collect()  # or this process would hold the files of a bundle that is long gone


def redis_url(settings: Settings) -> str:
    """Return the Redis that the settings name, or else where the embedded one of the data folder listens."""
    return settings.redis_url or embedded_redis(settings.data / "redis", settings.appendfsync).url


def with_redis(settings: Settings) -> Settings:
    """Return settings that name the Redis to use."""
    return settings.model_copy(update={"redis_url": redis_url(settings)})


def redis_program(settings: Settings) -> Program:
    """Return the embedded Redis; stops one that a killed supervisor left behind."""
    redis = embedded_redis(settings.data / "redis", settings.appendfsync)
    redis.stop_orphan()
    return Program("redis", redis.command, process_environment(), redis.answers)


def archiver_program(settings: Settings) -> Program:
    """Return the process that moves the log to Parquet."""
    environment = process_environment() | settings.environment() | {"OPENBLAS_NUM_THREADS": "1"}
    return Program("archiver", (sys.executable, "-m", "serving.archive_process"), environment)


def workers_program(settings: Settings) -> Program:
    """Return the WSGI server with its workers."""
    options = {
        "interface": "wsgi",
        "host": settings.host,
        "port": settings.port,
        "workers": settings.workers,
        "blocking-threads": settings.threads,
        "workers-kill-timeout": STOP_SECONDS,
        "respawn-interval": 0.5,
        "log-level": "warning",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    command = (sys.executable, "-m", "serving.workers", *arguments, "--respawn-failed-workers", "--no-ws", "--factory")
    environment = process_environment() | settings.environment() | {
        **({"PROMETHEUS_MULTIPROC_DIR": str(settings.metrics_folder)} if settings.metrics_folder else {}),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",  # each thread would keep a heap of its own
    }  # fmt: skip
    return Program("workers", (*command, "serving.wsgi:create"), environment, lambda: _accepts(settings))


def _accepts(settings: Settings) -> bool:
    try:
        socket.create_connection((settings.host, settings.port), timeout=1).close()
    except OSError:
        return False
    return True


def _check_port(settings: Settings) -> None:
    try:
        family, *_, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise InvalidInput("--port", f"{settings.host}:{settings.port} cannot be used: {error.strerror}") from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of the embedded Redis's folder."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / "lock", wait=False))
        except BlockingIOError as error:
            raise InvalidInput("--data", f"{folder.parent} is in use by another tagalong serve") from error
        yield
