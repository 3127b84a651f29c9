"""Builds one worker's services from settings: the only place where adapters meet use cases."""

import gc
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from prometheus_client import Gauge

from features.tables import Tables
from machine.config_file import load_config
from machine.shop_folder import ShopFolder
from recommender.bundle_io import CURRENT, read_info
from recommender.config import Config
from recommender.errors import BundleError, TagalongError, Unavailable
from recommender.times import DAY
from serving.adapters.breaker import Breaker
from serving.adapters.bundles import BundleFolder, watch
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.parquet_catalogue import ImportedItems, off_sale
from serving.adapters.redis_cache import RedisCache
from serving.adapters.redis_catalogue import RedisCatalogue
from serving.adapters.redis_customers import RedisCustomers
from serving.adapters.redis_decisions import RedisDecisions
from serving.adapters.redis_erasures import RedisErasures, Rewriting
from serving.adapters.redis_link import RedisLink
from serving.adapters.redis_log import RedisLog
from serving.adapters.redis_profiles import RedisProfiles
from serving.adapters.redis_served import RedisServedLists
from serving.adapters.redis_stream import RedisStream
from serving.adapters.redis_withheld import RedisWithheld
from serving.archive import Archive
from serving.archiver import Archiver
from serving.blank import blank_bundle
from serving.logs import configure
from serving.metrics import Metrics
from serving.pace import Pace
from serving.services import Clock, Services
from serving.settings import Settings
from serving.snapshots import Snapshots

DEFAULT_REDIS = "redis://127.0.0.1:6379/0"
ARCHIVER_SECONDS = 30.0
"""How long one answer may take that brings thousands of events."""
LOG_SECONDS = 2.0
"""How long storing may take: a slow disk delays an event, it does not lose it."""


def build(settings: Settings, clock: Clock = time.time) -> Services:
    """Return the services of one worker; needs neither Redis nor a bundle to succeed.

    Raises ConfigError for a configuration file that cannot be used. Tag rules that ask for what the bundle's catalogue
    does not know match nothing: a bundle that comes later must not keep a worker from starting again.
    """
    configure(settings.log_level)
    if settings.metrics_folder is not None:
        settings.metrics_folder.mkdir(parents=True, exist_ok=True)
    metrics = Metrics(settings.metrics_folder)
    config = load_config(settings.config) if settings.config else None
    link = redis_link(settings, "redis", down=metrics.down)
    log_link = redis_link(settings, "event log", LOG_SECONDS, metrics.down, most=max(settings.threads - 1, 1))
    catalogue_link = redis_link(settings, "catalogue changes", LOG_SECONDS, metrics.down)
    catalogue = RedisCatalogue(catalogue_link, settings.shop, quick=link, writing=log_link)
    snapshots = Snapshots(
        catalogue,
        blank_bundle(config or Config()),
        config,
        clock,
        lambda bundle: off_sale(settings.shop_folder, clock(), bundle),
    )
    folder = BundleFolder(ShopFolder(settings.shop_folder).bundles, settings.signing_key, metrics.refused_bundles.inc)
    withheld_link = redis_link(settings, "refusals", down=metrics.down)
    withheld = RedisWithheld(withheld_link, settings.shop)
    look = partial(_look, folder, ImportedItems(settings.shop_folder), snapshots, metrics, withheld)
    look()
    pings: dict[str, Callable[[], None]] = {"redis": link.ping, "bundle": snapshots.ping}
    if settings.drain_seconds and settings.ending is not None:
        pings["service"] = partial(_ping, settings.ending)
    return Services(
        settings=settings,
        clock=clock,
        timer=time.monotonic,
        pace=Pace(),
        snapshots=snapshots,
        cache=RedisCache(link, settings.shop, metrics),
        profiles=RedisProfiles(link, settings.shop, clock),
        customers=RedisCustomers(log_link, settings.shop, lambda: int(snapshots.current.config.live.ttl_days * DAY)),
        events=RedisLog(log_link, settings.shop),
        erasures=RedisErasures(log_link, settings.shop, settings.shop_folder),
        archived=ParquetArchive(settings.shop_folder),
        catalogue=catalogue,
        withheld=withheld.holds,
        served=RedisServedLists(link, settings.shop),
        metrics=metrics,
        stop=partial(_end, watch(look), (link, log_link, catalogue_link, withheld_link)),
        pings=pings,
    )


def _ping(ending: Path) -> None:
    """Raise Unavailable once the service is about to end."""
    if ending.exists():
        raise Unavailable("the service", why="is ending")


def _end(stop: Callable[[], None], links: Sequence[RedisLink]) -> None:
    """Stop looking for what is new, and let go of Redis."""
    stop()
    for link in links:
        link.close()


def _look(
    folder: BundleFolder, imported: ImportedItems, snapshots: Snapshots, metrics: Metrics, withheld: RedisWithheld
) -> None:
    """Learn what requests must not wait for: refusals, a new bundle, and what changed in the catalogue."""
    withheld.refresh()
    bundle = folder.fresh(or_earlier=snapshots.current.is_blank)
    if bundle is None:
        if snapshots.current.is_blank and (brought := imported.fresh()) is not None:
            items, version = brought
            snapshots.begin(blank_bundle(snapshots.current.config, Tables.of(items=items), f"none {version}"))
        snapshots.refresh()
        return
    try:
        snapshots.use(bundle)
    except TagalongError as error:
        folder.refuse(bundle.info.bundle_id, error)
    else:
        gc.collect()  # lets go of the bundle of before, whose parts know each other
        metrics.bundle_in_use(bundle.info.bundle_id, datetime.fromisoformat(bundle.info.created_at))


def redis_link(
    settings: Settings, part: str, timeout: float | None = None, down: Gauge | None = None, *, most: int | None = None
) -> RedisLink:
    """Return a way to the Redis that ``settings`` names, called ``part`` in errors and by ``down``.

    ``timeout`` in seconds stands above theirs; at ``most`` so many threads use it at a time.
    """
    changed = down.labels(part).set if down is not None else lambda is_open: None
    breaker = Breaker(part, time.monotonic, changed=changed)
    return RedisLink(
        settings.redis_url or DEFAULT_REDIS, timeout or settings.redis_timeout_ms / 1000, breaker, most=most
    )


def config_in_use(settings: Settings) -> Config:
    """Return the configuration that ``settings`` names, else the published bundle's, else the defaults.

    Raises ConfigError.
    """
    if settings.config is None:
        with suppress(BundleError):
            return read_info(ShopFolder(settings.shop_folder).bundles / CURRENT, key=settings.signing_key).config
    return load_config(settings.config)


def build_archiver(settings: Settings) -> Archiver:
    """Return the archiver of one shop. Raises ConfigError."""
    configure(settings.log_level)
    link = redis_link(settings, "event log", ARCHIVER_SECONDS)
    files = ParquetArchive(settings.shop_folder)
    erasures = RedisErasures(link, settings.shop, settings.shop_folder)
    archive = Archive(settings.shop_folder)
    live = config_in_use(settings).live
    decisions = RedisDecisions(link, settings.shop, archive.folder, int(live.ttl_days * DAY))
    stream = RedisStream(link, settings.shop)
    return Archiver(stream, archive, erasures, files, live, decisions.tell, Rewriting(link, time.monotonic))
