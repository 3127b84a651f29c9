"""Reads the files of a call, and says how many of their rows could not be read and where those are."""

import time
from collections.abc import Sequence
from pathlib import Path

from commands.console import say
from features.tables import Tables
from recommender.times import DAY
from training.sources import read_files

TOLERANCE = DAY
"""Seconds by which an event may lie in the future: another clock, or a time zone that nobody wrote down."""


def read(
    rejects: Path,
    interactions: Sequence[Path] | None = None,
    items: Sequence[Path] | None = None,
    users: Sequence[Path] | None = None,
) -> Tables:
    """Return what the files hold; rows that cannot be read go to the file ``rejects``, with the reason."""
    rejects.parent.mkdir(parents=True, exist_ok=True)
    tables = read_files(interactions or (), items or (), users or (), rejects, latest=time.time() + TOLERANCE)
    if rejects.exists():
        with rejects.open("rb") as lines:
            say(f"{sum(1 for _ in lines)} rows could not be read as a whole; they are in {rejects}, with the reasons")
    return tables
