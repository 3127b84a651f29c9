"""``tagalong serve``: the service and all that it needs on this machine."""

from typing import Annotated

import typer

from commands.console import say
from commands.options import DATA, Data, ServedConfiguration, Shop
from serving.run import serve
from serving.settings import Settings, process_environment

app = typer.Typer(add_completion=False)


@app.command()
def serve_command(
    data: Data = DATA,
    shop: Shop = "main",
    config: ServedConfiguration = None,
    host: Annotated[
        str, typer.Option("--host", envvar="TAGALONG_HOST", help="The address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", envvar="TAGALONG_PORT", min=1, max=65_535, help="The port to listen on.")
    ] = 8080,
    workers: Annotated[int, typer.Option("--workers", envvar="TAGALONG_WORKERS", min=1, help="Processes.")] = 2,
) -> None:
    """Start the service, with a Redis of its own unless REDIS_URL names one; Ctrl-C stops everything.

    Example: tagalong serve --data /srv/shop --port 8080
    """
    settings = Settings.read(
        process_environment(), data=data, shop=shop, config=config, host=host, port=port, workers=workers
    )
    signed = ", only bundles signed with TAGALONG_BUNDLE_KEY" if settings.signing_key else ""
    serve(settings, lambda: say(f"serving on http://{host}:{port} (documentation at /docs){signed}"))
