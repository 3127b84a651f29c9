"""``tagalong archive``: the archiver on its own, where ``tagalong serve`` does not run one."""

import typer

from commands.options import DATA, Data, ServedConfiguration, Shop
from serving.archive_process import run_archiver
from serving.run import with_redis
from serving.settings import Settings, process_environment

app = typer.Typer(add_completion=False)


@app.command()
def archive_command(data: Data = DATA, shop: Shop = "main", config: ServedConfiguration = None) -> None:
    """Move the log to Parquet until Ctrl-C, on a machine where no tagalong serve does; one of several works at a time.

    Example: REDIS_URL=redis://redis:6379 tagalong archive --data /srv/shop
    """
    settings = with_redis(Settings.read(process_environment(), data=data, shop=shop, config=config))
    run_archiver(settings)
