"""The commented ``tagalong.toml`` says nothing but the truth."""

import tomllib
from pathlib import Path
from typing import Any

from recommender.config import Config

FILE = Path(__file__).parents[2] / "tagalong.toml"
WRITTEN_AS_EXAMPLES = {"tag_rules", "derived_tags"}


def keys(table: dict[str, Any], above: str = "") -> set[str]:
    """Return every key with those above it, ``live.tags``."""
    nested = [keys(value, f"{above}{key}.") for key, value in table.items() if isinstance(value, dict)]
    return {f"{above}{key}" for key, value in table.items() if not isinstance(value, dict)}.union(*nested)


def test_the_commented_file_holds_the_defaults() -> None:
    assert Config.model_validate(tomllib.loads(FILE.read_text())) == Config()


def test_every_setting_stands_in_the_commented_file() -> None:
    file = tomllib.loads(FILE.read_text())
    known = Config().model_dump(exclude={"placements", *WRITTEN_AS_EXAMPLES})
    assert keys(known) - keys(file) == set()
    assert keys(Config().placements["home"].model_dump()) == keys(file["placements"]["home"])


def test_a_placement_that_is_given_changes_only_what_it_names() -> None:
    home = Config().placements["home"]
    config = Config.model_validate({"placements": {"home": {"count": 5}, "mail": {"ranker": "none"}}})
    assert config.placements["home"] == home.model_copy(update={"count": 5})
    assert config.placements["mail"].ranker is None
    assert config.placements["popular"] == Config().placements["popular"]


def test_a_table_within_a_placement_changes_only_what_it_names() -> None:
    rule = Config().placements["home"].diversity
    config = Config.model_validate({"placements": {"home": {"diversity": {"most": 3}, "exclude": {"in_cart": False}}}})
    home = config.placements["home"]
    assert rule is not None
    assert home.diversity == rule.model_copy(update={"most": 3})
    assert home.exclude == Config().placements["home"].exclude.model_copy(update={"in_cart": False})


def test_none_turns_diversity_off() -> None:
    config = Config.model_validate({"placements": {"home": {"diversity": "none"}}})
    assert config.placements["home"].diversity is None
