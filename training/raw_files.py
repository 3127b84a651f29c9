"""Opens a shop's file, whatever its format, as rows of raw cells in DuckDB."""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import duckdb

from features.sql import literal, located, quoted
from recommender.errors import UnreadableFile

_DELIMITERS = ",;\t|"
_NEVER = "\x1f"
"""A character that no JSON holds unescaped."""
NAMELESS = "#nameless"
_LONGEST_LINE = 16 * 1024 * 1024
_OBJECT = """CASE WHEN json_valid("#line") THEN json_type("#line") = 'OBJECT' ELSE false END"""


Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file that can be read: what its columns are and how DuckDB reads them.

    Names that begin with ``#`` are this reader's own.
    """

    path: Path
    columns: Mapping[str, str]
    """Name to DuckDB type; text formats give VARCHAR."""
    query: str
    """Selects ``#row`` (from 1, the header not counted), ``#broken`` (why it is no row, or null) and every column."""
    content: str
    """An expression over ``query``: the whole row as one value."""
    ordered: bool = True
    """Its columns come in the order of the file: keys of JSON objects have none."""
    torn: str | None = None
    """Selects row, reason and text of lines that ``query`` had to leave out, once it ran; text formats only."""
    lenient: "RawFile | None" = None
    """The same file read where ``query`` fails, as it does where lines end in more than one way."""


def open_raw(connection: duckdb.DuckDBPyConnection, path: Path) -> RawFile:
    """Return how to read ``path``; raise ``UnreadableFile`` if that cannot be."""
    if path.is_dir():
        raise UnreadableFile(str(path), f"is a folder; name its files, such as '{path}/*.csv'")
    if not path.is_file():
        raise UnreadableFile(str(path), "no such file")
    if path.stat().st_size == 0:
        raise UnreadableFile(str(path), "the file is empty")
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix not in _READERS:
        raise UnreadableFile(str(path), "the name must end in .csv, .jsonl or .parquet, with or without .gz")
    try:
        return _READERS[suffix](connection, path)
    except (duckdb.Error, UnicodeDecodeError, OSError, EOFError, zlib.error, csv.Error) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> UnreadableFile:
    """Return the error that names the file and the first line of the reader's own complaint."""
    if isinstance(error, UnicodeDecodeError):
        return UnreadableFile(str(path), "is not UTF-8; convert it first, as iconv -f GB18030 -t UTF-8 would")
    return UnreadableFile(str(path), f"cannot be read: {str(error).splitlines()[0]}")


def first_reading(raw: RawFile, read: Callable[[RawFile], Result]) -> Result:
    """Return what ``read`` makes of the file, read leniently where it cannot be otherwise. Raises UnreadableFile."""
    try:
        return read(raw)
    except duckdb.Error as error:
        if raw.lenient is not None:
            return first_reading(raw.lenient, read)
        raise unreadable(raw.path, error) from error


def _open_parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> RawFile:
    source = f"read_parquet({located(path)}, file_row_number = true, hive_partitioning = false)"
    described = connection.execute(f"DESCRIBE SELECT * EXCLUDE (file_row_number) FROM {source}").fetchall()
    columns = {name: kind for name, kind, *_ in described}
    query = (
        'SELECT file_row_number + 1 AS "#row", CAST(NULL AS VARCHAR) AS "#broken", * EXCLUDE (file_row_number) '
        f"FROM {source}"
    )
    return RawFile(path, columns, query, _cells(columns))


def _open_csv(_connection: duckdb.DuckDBPyConnection, path: Path) -> RawFile:
    delimiter, names = _header(path)
    dialect = f"header = true, delim = {literal(delimiter)}, quote = '\"', escape = '\"'"

    def opened(strict: bool) -> RawFile:
        source = _text_source(path, names, dialect, strict)
        query = f'SELECT row_number() OVER () AS "#row", CAST(NULL AS VARCHAR) AS "#broken", * FROM {source}'
        named = [name for name in names if not name.startswith(NAMELESS)]
        return RawFile(path, dict.fromkeys(named, "VARCHAR"), query, _cells(named), torn=_torn(header=1))

    return replace(opened(True), lenient=opened(False))


def _open_json_lines(connection: duckdb.DuckDBPyConnection, path: Path) -> RawFile:
    _first_line(path)  # a broken .gz says so here
    try:
        return _json_lines(connection, path, strict=True)
    except duckdb.Error:  # the lines may end in more than one way
        return _json_lines(connection, path, strict=False)


def _json_lines(connection: duckdb.DuckDBPyConnection, path: Path, *, strict: bool) -> RawFile:
    whole = f"header = false, delim = {literal(_NEVER)}, quote = '', escape = ''"
    source = _text_source(path, ["#line"], whole, strict)
    keys = f'SELECT DISTINCT unnest(json_keys("#line")) FROM {source} WHERE {_OBJECT} ORDER BY 1'
    names = [name for (name,) in connection.execute(keys).fetchall()]
    if not names:
        raise UnreadableFile(str(path), "no line is a JSON object; give one object a line, not an array of them")
    pointers = ", ".join(map(_pointer, names))
    picked = ", ".join(f'"#cells"[{at}] AS {quoted(name)}' for at, name in enumerate(names, 1))
    query = (
        f'SELECT "#row", "#line", {_broken(names)} AS "#broken", {picked} '
        f'FROM (SELECT *, CASE WHEN {_OBJECT} THEN json_extract_string("#line", [{pointers}]) END AS "#cells" '
        f'FROM (SELECT row_number() OVER () AS "#row", "#line" FROM {source}) WHERE "#line" IS NOT NULL)'
    )
    return RawFile(path, dict.fromkeys(names, "VARCHAR"), query, '"#line"', ordered=False, torn=_torn(header=0))


def _broken(names: Iterable[str]) -> str:
    """Return SQL for why a line is no row, or null: an id is a text or a number."""
    reasons = ["WHEN \"#cells\" IS NULL THEN 'not a JSON object'"]
    for name in names:
        if name.strip().lower() in ("user_id", "item_id"):
            kind = f'json_type("#line", {_pointer(name)})'
            reasons.append(f"WHEN {kind} IN ('ARRAY', 'OBJECT', 'BOOLEAN') THEN {literal(f'{name} is no text')}")
    return f"CASE {' '.join(reasons)} END"


def _pointer(name: str) -> str:
    return literal("/" + name.replace("~", "~0").replace("/", "~1"))


_READERS: Mapping[str, Callable[[duckdb.DuckDBPyConnection, Path], RawFile]] = {
    ".csv": _open_csv,
    ".tsv": _open_csv,
    ".txt": _open_csv,
    ".jsonl": _open_json_lines,
    ".ndjson": _open_json_lines,
    ".json": _open_json_lines,
    ".parquet": _open_parquet,
    ".pq": _open_parquet,
}


def _text_source(path: Path, names: Iterable[str], dialect: str, strict: bool) -> str:
    shape = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({located(path)}, auto_detect = false, columns = {{{shape}}}, {dialect}, "
        f"strict_mode = {str(strict).lower()}, store_rejects = true, max_line_size = {_LONGEST_LINE})"
    )


def _torn(header: int) -> str:
    """Return SQL for what DuckDB stored of lines with too many or few cells, or that are not UTF-8."""
    return (
        f"SELECT line - {header}, arg_min(lower(error_type) || ': ' || error_message, error_type), any_value(csv_line) "
        "FROM reject_errors GROUP BY line ORDER BY line"
    )


def _cells(names: Iterable[str]) -> str:
    return f"struct_pack({', '.join(f'{quoted(name)} := {quoted(name)}' for name in names)})"


def _first_line(path: Path) -> str:
    with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as lines:
        return lines.readline(_LONGEST_LINE).decode("utf-8-sig").partition("\r")[0]


def _header(path: Path) -> tuple[str, list[str]]:
    """Return the delimiter, the most frequent one of the first line, and the columns' names, made up for those without.

    An index that was written beside the data has none.
    """
    first = _first_line(path)
    delimiter = max(_DELIMITERS, key=first.count)
    names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    named = [name.lower() for name in names if name]
    if not named or len(set(named)) < len(named):
        raise UnreadableFile(str(path), f"the first line must name no column twice (found: {first.strip()[:200]})")
    return delimiter, [name or f"{NAMELESS}{at}" for at, name in enumerate(names, 1)]
