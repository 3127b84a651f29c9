"""The entry: help, exit status, and options with several values."""

from datetime import UTC, datetime

import pytest

from commands.main import COMMANDS, spread
from commands.options import moment
from recommender.errors import InvalidInput
from tests.commands.conftest import Call


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_explains_every_command(call: Call, command: tuple[str, ...]) -> None:
    done = call(*command, "--help")
    assert done.status == 0, done.err
    assert "Usage: tagalong" in done.out


def test_the_help_lists_all_commands(call: Call) -> None:
    out = call("--help").out
    assert all(name in out for name in COMMANDS)


def test_an_unknown_command_is_a_wrong_call(call: Call) -> None:
    assert call("dance").status == 2


def test_an_option_takes_every_value_up_to_the_next() -> None:
    given = ["evaluate", "--interactions", "a", "b", "-k", "5", "10", "--protocol", "temporal"]
    assert spread(given) == [
        "evaluate", "--interactions", "a", "--interactions", "b", "-k", "5", "-k", "10", "--protocol", "temporal",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["2026-03-01T08:00:00Z", "2026-03-01T09:00:00+01:00", "2026-03-01 08:00", "1772352000", "1772352000000"]
)
def test_a_moment_is_read_in_every_form(text: str) -> None:
    assert moment("--now", text) == int(datetime(2026, 3, 1, 8, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("text", "why"), [("soon", "'soon' is"), ("²", "'²' is"), ("--5", "'--5' is"), ("20260301", "looks like a date")]
)
def test_a_moment_that_cannot_be_read_names_the_option(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=f"--now: .*{why}"):
        moment("--now", text)
