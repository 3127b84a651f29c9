"""Reads ``tagalong.toml``; an error names the file, the line and the key, and the key that was probably meant."""

import re
import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from recommender.config import Config
from recommender.errors import ConfigError

Location = tuple[str | int, ...]
"""Keys from the top of the file; the number of a table in an array of tables counts from 0."""

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def load_config(path: Path | None) -> Config:
    """Return the configuration in the file, or the defaults where there is none.

    Raises ``ConfigError`` for a file that is missing, is no TOML, or says something that the product does not know.
    """
    if path is None:
        return Config()
    try:
        text = path.read_text(encoding="utf-8-sig")
        return Config.model_validate(tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(str(path), f"cannot be read: {error}") from error
    except ValidationError as error:
        raise _explained(path, text, error.errors()[0]) from error


def line_of(text: str, location: Location) -> int:
    """Return the line (from 1) of a key, or of the nearest table above it; 1 where there is none."""
    lines = dict(_locations(text))
    within = (location[:size] for size in range(len(location), 0, -1))
    return next((lines[part] for part in within if part in lines), 1)


def _explained(path: Path, text: str, error: ErrorDetails) -> ConfigError:
    location = tuple(part for part in error["loc"] if not str(part).startswith("function-"))
    key = ".".join(str(part) for part in location)
    field = f"{path}, line {line_of(text, location)}" + (f", {key}" if key else "")
    if error["type"] == "extra_forbidden":
        return ConfigError(field, f"there is no such key{_suggestion(location)}")
    return ConfigError(field, error["msg"].removeprefix("Value error, "))


def _suggestion(location: Location) -> str:
    near = get_close_matches(str(location[-1]), _known(Config, location[:-1]), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _known(model: Any, location: Location) -> list[str]:
    """Return the keys that the model at ``location`` knows."""
    for part in location:
        if _is_model(model) and part in model.model_fields:
            model = model.model_fields[part].annotation
        inner = [argument for argument in get_args(model) if _is_model(argument)]
        model = inner[0] if inner else model
    return list(model.model_fields) if _is_model(model) else []


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _locations(text: str) -> Iterator[tuple[Location, int]]:
    """Yield every table and key with its line, as they are written."""
    table: Location = ()
    tables: dict[Location, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _numbered(_parts(header[2]), tables, fresh=header[1] == "[[")
            yield table, number
            yield table[:-1], number
        elif key := _KEY.match(line):
            yield (*table, *_parts(key[1])), number


def _numbered(parts: Location, tables: dict[Location, int], *, fresh: bool) -> Location:
    """Return a table's location with the number of each array of tables that it lies in."""
    location: Location = ()
    for at, part in enumerate(parts, 1):
        location = (*location, part)
        if fresh and at == len(parts):
            tables[location] = tables.get(location, -1) + 1
        if location in tables:
            location = (*location, tables[location])
    return location


def _parts(dotted: str) -> Location:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
