"""Options that several commands share, and how their values are read."""

import os
from pathlib import Path
from typing import Annotated

import typer

from recommender.errors import InvalidInput
from recommender.times import epoch_seconds, seconds

Data = Annotated[Path, typer.Option("--data", envvar="TAGALONG_DATA", help="The data folder: log, catalogue, bundles.")]
Shop = Annotated[str, typer.Option("--shop", envvar="TAGALONG_SHOP", help="Whose part of the data folder.")]
Configuration = Annotated[
    Path | None,
    typer.Option(
        "--config", envvar="TAGALONG_CONFIG", help="A tagalong.toml; without it the defaults hold. Give it every time."
    ),
]
ServedConfiguration = Annotated[
    Path | None,
    typer.Option(
        "--config",
        envvar="TAGALONG_CONFIG",
        help="A tagalong.toml; without it that of the published bundle holds.",
    ),
]
Interactions = Annotated[
    list[Path] | None,
    typer.Option("--interactions", help="Events: CSV, JSON Lines or Parquet; several files or a quoted pattern."),
]
Items = Annotated[list[Path] | None, typer.Option("--items", help="The catalogue, in the same formats.")]
Users = Annotated[list[Path] | None, typer.Option("--users", help="Customers: declared tags, consent, attributes.")]
BundleKey = Annotated[
    str | None,
    typer.Option(
        "--bundle-key",
        envvar="TAGALONG_BUNDLE_KEY",
        help="Signs bundles, and refuses others. Give it in the environment: a process list shows options.",
    ),
]
Now = Annotated[
    str | None,
    typer.Option(
        "--now", help="Stands for the clock: RFC 3339, or epoch seconds or milliseconds.", metavar="TIMESTAMP"
    ),
]

DATA = Path("data")


def check_target(option: str, path: Path | None) -> None:
    """Make the folder of a file to be written; raise InvalidInput where it cannot be, before any work is done."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(option, f"{path.parent} is no folder and cannot be one: {error.strerror}") from error
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InvalidInput(option, f"{path} {'is a folder; name a file' if path.is_dir() else 'cannot be written'}")


def check_shop(folder: Path) -> None:
    """Raise InvalidInput where a shop's part of the data folder is not there yet."""
    if not folder.is_dir():
        raise InvalidInput("--data", f"there is no folder {folder}; tagalong import makes it")


def moment(option: str, text: str | None) -> int | None:
    """Return a timestamp given on the command line as seconds since 1970; UTC where no offset is given."""
    if text is None:
        return None
    is_number = text.removeprefix("-").isdecimal()
    try:
        return epoch_seconds(int(text)) if is_number else seconds(text)
    except ValueError as error:
        why = str(error) if is_number else f"{text!r} is neither RFC 3339 (2026-03-01T08:00:00Z) nor an epoch number"
        raise InvalidInput(option, why) from error
