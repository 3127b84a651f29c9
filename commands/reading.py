"""Reads the files of a call, says what could not be read of them, and keeps them from being overwritten."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import orjson

from commands.console import say
from features.tables import Tables
from recommender.errors import InvalidInput
from recommender.ids import IdMap
from recommender.times import DAY
from training.audience import read_ids
from training.readers import count_unknown, expand, read_files

NAMED = 3
"""Reasons that are told one by one."""
TOLERANCE = DAY
"""Seconds by which an event may lie in the future: another clock, or a time zone that nobody wrote down."""


def read(
    rejects: Path,
    interactions: Sequence[Path] | None = None,
    items: Sequence[Path] | None = None,
    users: Sequence[Path] | None = None,
) -> Tables:
    """Return what the files hold, and say how much; what cannot be read goes to ``rejects``, with the reason."""
    check_is_no_input("rejects", rejects, [*(interactions or ()), *(items or ()), *(users or ())])
    rejects.parent.mkdir(parents=True, exist_ok=True)
    tables = read_files(interactions or (), items or (), users or (), rejects, latest=time.time() + TOLERANCE)
    kinds = {"events": interactions, "items": items, "users": users}
    say("read: " + ", ".join(f"{len(getattr(tables, kind))} {kind}" for kind, files in kinds.items() if files))
    if rejects.exists():
        with rejects.open("rb") as lines:
            tell_reasons(Counter(orjson.loads(line)["reason"] for line in lines), "rows not read as a whole")
        say(f"these rows are in {rejects}")
    tell_unknown(count_unknown(tables.events))
    return tables


def ids_of(users: Path, known: IdMap) -> list[str]:
    """Return the distinct ids of a file of customers, and say how many of its rows have none."""
    ids, without = read_ids(users, known)
    if without:
        say(f"{without} rows of {users} have no id that can be one; they are left out")
    return ids


def tell_reasons(reasons: Counter[str], what: str) -> None:
    """Say how many rows there are of each reason; of many reasons, the three most frequent by name."""
    shown = reasons.most_common(None if len(reasons) <= NAMED + 1 else NAMED)
    for reason, count in shown:
        say(f"{count} {what}: {reason}")
    if others := len(reasons) - len(shown):
        say(f"{reasons.total() - sum(count for _, count in shown)} {what} for {others} more reasons")


def tell_unknown(names: Counter[str]) -> None:
    """Say which ``names`` nobody knows, and how many events have them."""
    for name, count in sorted(names.items()):
        say(f"{count} events are called {name!r}, which nobody knows; they are kept and weigh nothing")


def check_is_no_input(option: str, path: Path | None, inputs: Iterable[Path | None]) -> None:
    """Raise InvalidInput where a file to be written is one of those to be read, or that a pattern of them names."""
    if path is None or not path.exists():
        return
    given = expand([one for one in inputs if one is not None])
    if any(one.exists() and one.samefile(path) for one in given):
        raise InvalidInput(option, f"{path} is to be read as well, and would be overwritten")
