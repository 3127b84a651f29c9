"""Refuses tag rules that ask for what the catalogue does not know, naming the line of the configuration file."""

from pathlib import Path

from machine.config_file import line_of
from recommender.catalogue import Catalogue
from recommender.config import Config
from recommender.errors import ConfigError, FilterError
from recommender.filters import compile_filter


def check_rules(path: Path, config: Config, catalogue: Catalogue) -> None:
    """Raise ConfigError for the first rule whose expression cannot be asked of the catalogue."""
    for row, rule in enumerate(config.tag_rules):
        try:
            if rule.when:
                compile_filter(rule.when, catalogue, "when")
        except FilterError as error:
            line = line_of(path.read_text(encoding="utf-8-sig"), ("tag_rules", row, "when"))
            raise ConfigError(f"{path}, line {line}, tag_rules.{row}.when", error.detail) from error
