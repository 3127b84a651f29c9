"""``tagalong models``: the bundles of a shop, compared, published and rolled back."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from commands.console import output
from commands.options import DATA, BundleKey, Configuration, Data, Shop
from commands.tables import show_difference
from machine.config_file import load_config
from machine.shop_folder import ShopFolder
from recommender.bundle import BundleInfo
from recommender.bundle_io import load, read_info, signing_key
from recommender.errors import InvalidInput
from recommender.times import rfc3339
from training.diff import compare
from training.gate import FIGURE, figure
from training.registry import Registry, bundle_folder

HELP = "List, show, compare, publish and roll back bundles."
app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False)

Bundle = Annotated[str, typer.Argument(help="A bundle's id, or current.")]
BundleOrFolder = Annotated[str, typer.Argument(help="A bundle's id, current, or a folder.")]


@app.command(name="list")
def list_(data: Data = DATA, shop: Shop = "main", bundle_key: BundleKey = None) -> None:
    """List the bundles, newest first; those that cannot be read come last, with the reason.

    Example: tagalong models list
    """
    if not data.is_dir():
        raise InvalidInput("--data", f"there is no folder {data}; name the one that was trained into")
    table = Table("bundle", "created", "data until", "status", FIGURE, f"{FIGURE} new", "reason")
    for one in _registry(data, shop, bundle_key).listed():
        created, until, *figures = _said(one.info) if one.info else ("",) * 4
        table.add_row(one.bundle_id, created, until, one.status, *figures, one.reason or "")
    output.print(table)


@app.command()
def show(
    bundle: BundleOrFolder = "current", data: Data = DATA, shop: Shop = "main", bundle_key: BundleKey = None
) -> None:
    """Show what a bundle's manifest says: data window, configuration, what was measured.

    Examples: tagalong models show current
              tagalong models show ./bundle
    """
    registry = _registry(data, shop, bundle_key)
    info = read_info(_folder(registry, bundle), key=registry.key)
    said = {
        "bundle": info.bundle_id,
        "created_at": info.created_at,
        "code_version": info.code_version,
        "data": [rfc3339(info.data_from), rfc3339(info.data_until)],
        "metrics": info.metrics,
        "config": json.loads(info.config.model_dump_json()),
    }
    output.print_json(json.dumps(said))


@app.command()
def publish(bundle: Bundle, data: Data = DATA, shop: Shop = "main", bundle_key: BundleKey = None) -> None:
    """Make a bundle current, whatever the gate said of it; running services take it up within seconds.

    Example: tagalong models publish 20260301T020000Z-4f1c2a
    """
    registry = _registry(data, shop, bundle_key)
    registry.publish(bundle)
    output.print(f"{registry.current()} is current")


@app.command()
def rollback(data: Data = DATA, shop: Shop = "main", bundle_key: BundleKey = None) -> None:
    """Publish the bundle that was current before.

    Example: tagalong models rollback
    """
    output.print(f"{_registry(data, shop, bundle_key).rollback()} is current again")


@app.command()
def prune(
    keep: Annotated[
        int | None, typer.Option(min=1, help="How many of each; by default what the configuration says.")
    ] = None,
    data: Data = DATA,
    shop: Shop = "main",
    config: Configuration = None,
) -> None:
    """Delete all but the newest published bundles and as many of those that were kept back.

    The current one and the one to roll back to stay.

    Example: tagalong models prune --keep 3
    """
    for name in _registry(data, shop, None).prune(keep or load_config(config).keep_bundles):
        output.print(f"deleted {name}")


@app.command()
def diff(
    before: BundleOrFolder,
    after: Annotated[str, typer.Argument(help="The one that would take its place.")],
    customers: Annotated[int, typer.Option(min=1, help="How many are asked for.")] = 1000,
    count: Annotated[int, typer.Option("-n", min=1, help="Items a list.")] = 20,
    data: Data = DATA,
    shop: Shop = "main",
    bundle_key: BundleKey = None,
) -> None:
    """Compare the lists of two bundles: overlap, coverage, popularity, by category and stage, single items.

    Example: tagalong models diff current 20260301T020000Z-4f1c2a
    """
    registry = _registry(data, shop, bundle_key)
    first, second = (load(_folder(registry, name), key=registry.key) for name in (before, after))
    if not len(second.users):
        raise InvalidInput("after", f"{after} knows no customer whose lists could be compared")
    now = 1 + max(first.info.data_until, second.info.data_until)
    show_difference(compare(first, second, customers=customers, count=count, now=now), output)


def _registry(data: Path, shop: str, key: str | None) -> Registry:
    return Registry(ShopFolder(data / shop).bundles, signing_key(key))


def _folder(registry: Registry, name: str) -> Path:
    return bundle_folder(Path(name)) if Path(name).is_dir() else registry.path(name)


def _said(info: BundleInfo) -> tuple[str, ...]:
    """Return what the list shows of a bundle that can be read."""
    return info.created_at, rfc3339(info.data_until), _figure(info, "next"), _figure(info, "discovery")


def _figure(info: BundleInfo, task: str) -> str:
    one = figure(info.metrics, task)
    return f"{one['mean']:.4f} ({one['low']:.4f}-{one['high']:.4f})" if one else ""
