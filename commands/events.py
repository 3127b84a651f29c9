"""``tagalong events``: what to do with events that could not be read."""

import time

import typer

from commands.console import say
from commands.options import DATA, Data, ServedConfiguration, Shop
from machine.shop_folder import ShopFolder
from serving.adapters.redis_log import RedisLog
from serving.bootstrap import config_in_use, redis_link
from serving.replay import replay
from serving.run import with_redis
from serving.settings import Settings, process_environment

app = typer.Typer(add_completion=False)
WRITE_SECONDS = 10.0


@app.callback()
def events() -> None:
    """Look after events that could not be read."""


@app.command("replay")
def replay_command(data: Data = DATA, shop: Shop = "main", config: ServedConfiguration = None) -> None:
    """Put the events of the dead-letter folder back into the log; those that still cannot be read stay there.

    The service, or the Redis that REDIS_URL names, must be running. Example: tagalong events replay --data /srv/shop
    """
    settings = with_redis(Settings.read(process_environment(), data=data, shop=shop, config=config))
    log = RedisLog(redis_link(settings, "event log", WRITE_SECONDS), shop)
    folder = ShopFolder(settings.shop_folder)
    done = replay(folder, log, time.time(), config_in_use(settings).live)
    say(f"{done.restored} events put back, {done.left} cannot be read and stay in {folder.dead_letters}")
