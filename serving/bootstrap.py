"""Builds one worker's services from settings: the only place where adapters meet use cases."""

import time

from serving.adapters.breaker import Breaker
from serving.adapters.bundles import BundleFolder, watch
from serving.adapters.memory import MemoryProfiles
from serving.adapters.redis_cache import RedisCache
from serving.adapters.redis_link import RedisLink
from serving.adapters.redis_served import RedisServedLists
from serving.adapters.redis_stock import RedisStock
from serving.logs import configure
from serving.metrics import Metrics
from serving.services import Services
from serving.settings import Settings
from serving.shelves import Shelves

DEFAULT_REDIS = "redis://127.0.0.1:6379/0"


def build(settings: Settings) -> Services:
    """Return the services of one worker; needs neither Redis nor a bundle to succeed."""
    configure(settings.log_level)
    metrics = Metrics(settings.metrics_folder if settings.metrics_folder.is_dir() else None)
    link = redis_link(settings)
    stock = RedisStock(link, settings.shop)
    shelves = Shelves(stock)
    folder = BundleFolder(settings.shop_folder / "bundles", metrics)
    watch(folder, shelves.use)
    return Services(
        settings=settings,
        clock=time.time,
        shelves=shelves,
        cache=RedisCache(link, settings.shop, metrics),
        profiles=MemoryProfiles(),
        stock=stock,
        served=RedisServedLists(link, settings.shop),
        metrics=metrics,
        pings={"redis": link.ping, "bundle": shelves.ping},
    )


def redis_link(settings: Settings) -> RedisLink:
    """Return the way to the Redis that ``settings`` names."""
    breaker = Breaker("redis", time.monotonic)
    return RedisLink(settings.redis_url or DEFAULT_REDIS, settings.redis_timeout_ms / 1000, breaker)
