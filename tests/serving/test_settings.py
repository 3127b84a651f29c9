"""What the environment may say, and how it is told that it makes no sense."""

import pytest

from recommender.errors import ConfigError
from serving.settings import Settings


@pytest.mark.parametrize("url", ["foo", "http://localhost:6379", "redis://"])
def test_what_is_no_address_of_a_redis_is_named(url: str) -> None:
    with pytest.raises(ConfigError, match=r"REDIS_URL.*redis://, rediss:// and unix://"):
        Settings.read({"REDIS_URL": url})


@pytest.mark.parametrize("url", ["redis://localhost:6379/0", "rediss://user:word@cache", "unix:///run/redis.sock"])
def test_every_address_that_the_client_knows_is_taken(url: str) -> None:
    assert Settings.read({"REDIS_URL": url}).redis_url == url


def test_other_variables_go_by_their_prefix() -> None:
    with pytest.raises(ConfigError, match="TAGALONG_WORKERS"):
        Settings.read({"TAGALONG_WORKERS": "none"})


def test_options_stand_above_the_environment_and_are_checked_too() -> None:
    found = Settings.read({"TAGALONG_WORKERS": "3", "TAGALONG_SHOP": "north"}, workers=5)
    assert (found.workers, found.shop) == (5, "north")
    with pytest.raises(ConfigError, match="TAGALONG_WORKERS"):
        Settings.read({}, workers=0)
