"""Time as it is counted everywhere: whole seconds since 1970, UTC."""

from datetime import UTC, datetime
from math import inf

DAY = 86_400
EPOCHS = ((1e11, 1), (1e14, 1_000), (1e17, 1_000_000), (inf, 1_000_000_000))
"""Below which size a number since 1970 counts what, as parts of a second; seconds up to the year 5138."""
DATES = (1990, 2099)
"""Years of which a number such as 20261101 or 202611010800 looks like a date: it is no day in 1970."""


def seconds(text: str) -> int:
    """Return when RFC 3339 ``text`` is; without an offset it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def epoch_seconds(number: int) -> int:
    """Return when a ``number`` of seconds, or by its size of smaller units, since 1970 is.

    Raises ValueError for what looks like a date.
    """
    text = str(number)
    if len(text) in (8, 12, 14) and _is_date(text):
        raise ValueError(f"{text} looks like a date; write it as {text[:4]}-{text[4:6]}-{text[6:8]}")
    return number // next(parts for below, parts in EPOCHS if abs(number) < below)


def _is_date(digits: str) -> bool:
    try:
        return DATES[0] <= datetime.fromisoformat("T".join(filter(None, (digits[:8], digits[8:])))).year <= DATES[1]
    except ValueError:
        return False


def rfc3339(moment: int) -> str:
    """Return RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def timestamp(now: float) -> str:
    """Return RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")[:23] + "Z"
