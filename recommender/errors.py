"""Every error that the packages raise on purpose, in one tree.

TagalongError
├── InvalidInput          a call, a file, a row or a field is wrong; names the field
│   ├── FilterError       a filter or boost expression is wrong; names the position
│   ├── UnknownPlacement  a placement that the configuration does not name
│   ├── UnreadableFile    a file that cannot be read at all; names the file
│   └── ConfigError       the configuration file is wrong; names the key
├── NotFound              an id that nothing here knows
├── Conflict              what is asked for contradicts what is
├── BundleError           a bundle that must not be used; names the file
│   ├── UnsignedBundle    it is not signed with the key that is asked for
│   └── NoBundle          there is no bundle to use
└── Unavailable           a part that is needed cannot be used now; try again later
"""


class TagalongError(Exception):
    """Root of everything raised on purpose."""


class InvalidInput(TagalongError):
    """Something the caller gave is wrong.

    ``field`` names it as the caller wrote it (``items[3].price``, ``--history``).
    """

    def __init__(self, field: str, detail: str) -> None:
        """Say which ``field`` is wrong, and how to put it right."""
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


class FilterError(InvalidInput):
    """A filter or boost expression is wrong at ``position`` (0-based, in characters)."""

    def __init__(self, field: str, detail: str, position: int) -> None:
        """Say where in the expression the reader stopped, and why."""
        super().__init__(field, f"{detail} (at position {position})")
        self.position = position


class UnknownPlacement(InvalidInput):
    """The configuration names no such placement."""


class UnreadableFile(InvalidInput):
    """A file that cannot be read at all: missing, empty, corrupt, or without a needed column."""


class ConfigError(InvalidInput):
    """The configuration file is wrong."""


class NotFound(TagalongError):
    """Nothing here has this id."""

    def __init__(self, kind: str, value: str) -> None:
        """Say what ``kind`` of thing was looked for, and the id that failed."""
        super().__init__(f"no {kind} {value!r}")
        self.kind = kind
        self.value = value


class Conflict(TagalongError):
    """What is asked for contradicts what is: a visitor who already is another customer."""


class BundleError(TagalongError):
    """A bundle fails its checks and must not be used."""

    def __init__(self, file: str, detail: str) -> None:
        """Name the ``file`` at fault."""
        super().__init__(f"{file}: {detail}")
        self.file = file
        self.detail = detail


class UnsignedBundle(BundleError):
    """A bundle is not signed with the key that bundles must be signed with."""


class NoBundle(BundleError):
    """There is no bundle to use."""


class Unavailable(TagalongError):
    """A part that is needed cannot be used now; ``retry_after`` is in seconds."""

    def __init__(self, part: str, retry_after: int = 1, why: str = "does not answer") -> None:
        """Name the ``part``, and say ``why`` it cannot be used."""
        super().__init__(f"{part} {why}")
        self.part = part
        self.retry_after = retry_after
