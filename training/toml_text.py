"""Writes nested tables as TOML, which the standard library only reads."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any


def toml(table: Mapping[str, Any]) -> str:
    """Return ``table`` as TOML: numbers, texts, booleans, lists, tables and lists of tables; None is left out."""
    return "\n".join(_lines(table, ())) + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    plain = {key: value for key, value in table.items() if value is not None and not _nested(value)}
    yield from (f"{_key(key)} = {_value(value)}" for key, value in plain.items())
    for key, value in table.items():
        if _nested(value):
            header = ".".join(_key(part) for part in (*path, key))
            for one in [value] if isinstance(value, Mapping) else value:
                yield f"\n[{header}]" if isinstance(value, Mapping) else f"\n[[{header}]]"
                yield from _lines(one, (*path, key))


def _nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)
    )


def _key(key: str) -> str:
    return key if key and all(one.isascii() and (one.isalnum() or one in "-_") for one in key) else _text(key)


def _value(value: Any) -> str:
    match value:
        case float() if not math.isfinite(value):
            return "nan" if math.isnan(value) else f"{value}"
        case list() | tuple():
            return f"[{', '.join(_value(one) for one in value)}]"
        case bool():
            return str(value).lower()
        case str():
            return _text(value)
    return str(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
