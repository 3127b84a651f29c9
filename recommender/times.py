"""Time as it is counted everywhere: whole seconds since 1970, UTC."""

from datetime import UTC, datetime

DAY = 86_400


def seconds(text: str) -> int:
    """Return when RFC 3339 ``text`` is; without an offset it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def rfc3339(moment: int) -> str:
    """Return RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def timestamp(now: float) -> str:
    """Return RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")[:23] + "Z"
