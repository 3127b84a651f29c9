"""How one raw cell becomes a value: SQL expressions, and the reason where a cell cannot be read.

Every function takes a quoted column and its DuckDB type, and returns an expression that is null where the cell is
empty or cannot be read; ``unread`` tells the two apart.
"""

from collections.abc import Callable

from recommender.ids import LONGEST
from recommender.times import DATES, EPOCHS

Reader = Callable[[str, str], str]

_INTEGERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)
_FRACTIONS = frozenset({"FLOAT", "DOUBLE"})
_YES = (
    "['true', 't', 'yes', 'y', 'on', 'in stock', 'in_stock', 'instock', 'available', 'granted', 'opt-in', 'opted in', "
    "'是', '有', '有货', '现货', '上架', '同意', '已同意', '已订阅']"
)
_NO = (
    "['false', 'f', 'no', 'n', 'off', 'out of stock', 'out_of_stock', 'outofstock', 'sold out', 'unavailable', "
    "'denied', 'refused', 'withdrawn', 'opt-out', 'opted out', '否', '无', '无货', '缺货', '售罄', '下架', '已下架', "
    "'不同意', '未同意', '拒绝', '已拒绝', '未订阅', '退订', '已退订']"
)
_GROUPED = "'[0-9]{1,3}(,[0-9]{3})+([.][0-9]*)?'"
"""1,299.00: commas between thousands. A comma before more or fewer digits is somebody's decimal comma."""
_CURRENCY = "'^[$€£¥￥] *| *[€元]$'"
_SPELLED = "'[^A-Z]+(T[^A-Z]+)?(Z|UTC|GMT)?'"
"""A moment in capitals; what CST or IST means depends on who wrote it."""
_YEAR_10000 = 253_402_300_800_000


def text(column: str, kind: str) -> str:
    """Return the cell as text; whole floats without their point, lists joined by ``|``, empty and NaN as null."""
    if kind in _FRACTIONS:
        whole = f"{column} = trunc({column}) AND abs({column}) < 1e15"
        digits = f"CAST(TRY_CAST({column} AS BIGINT) AS VARCHAR)"
        return f"CASE WHEN isnan({column}) THEN NULL WHEN {whole} THEN {digits} ELSE CAST({column} AS VARCHAR) END"
    if kind.endswith("[]"):
        return f"nullif(array_to_string({column}, '|'), '')"
    return f"nullif(CAST({column} AS VARCHAR), '')"


def trimmed(column: str, kind: str) -> str:
    """Return the cell as text without spaces around it."""
    return f"nullif(trim({text(column, kind)}), '')"


def joined(column: str, kind: str, separator: str = "|") -> str:
    """Return the cell as text without spaces around it; a list, or a JSON array of texts, with a ``separator``."""
    if kind.endswith("[]"):
        return f"nullif(trim(array_to_string({column}, '{separator}')), '')"
    plain = trimmed(column, kind)
    if kind != "VARCHAR":
        return plain
    array = f"json_valid({plain}) AND {plain} LIKE '[%'"
    texts = f"array_to_string(from_json({plain}, '[\"VARCHAR\"]'), '{separator}')"
    return f"CASE WHEN {array} THEN {texts} ELSE {plain} END"


def path(column: str, kind: str) -> str:
    """Return the cell as a path, ``A > B > C``: text, or a list of its levels."""
    return joined(column, kind, " > ")


def birthday(column: str, kind: str) -> str:
    """Return the cell as ``YYYY-MM-DD``, or ``MM-DD`` where it names no year; a day that there is.

    A date may be written with ``/`` or ``.``, without any, or as its midnight; without a year as ``MM-DD`` alone, for
    5/6 is May in one country and June in another.
    """
    if kind.startswith(("DATE", "TIMESTAMP")):
        return f"strftime({column}, '%Y-%m-%d')"
    plain = trimmed(column, kind)
    date = f"regexp_replace({plain}, '[T ]00:00(:00([.]0+)?)?Z?$', '')"
    date = f"regexp_replace({date}, '^([0-9]{{4}})([0-9]{{2}})([0-9]{{2}})$', '\\1-\\2-\\3')"
    dated = f"regexp_full_match({date}, '[0-9]{{4}}([-/.][0-9]{{1,2}}){{2}}')"
    with_year = f"strftime(TRY_CAST(replace({date}, '.', '-') AS DATE), '%Y-%m-%d')"
    without = f"strftime(TRY_CAST('2000-' || {plain} AS DATE), '%m-%d')"
    yearless = f"regexp_full_match({plain}, '[0-9]{{2}}-[0-9]{{2}}')"
    return f"CASE WHEN {dated} THEN {with_year} WHEN {yearless} THEN {without} END"


def number(column: str, kind: str) -> str:
    """Return the cell as a finite DOUBLE; text may have commas between thousands."""
    value = f"CAST({column} AS DOUBLE)"
    if kind == "VARCHAR":
        grouped = f"CASE WHEN regexp_full_match(trim({column}), {_GROUPED}) THEN replace({column}, ',', '') END"
        value = f"coalesce(TRY_CAST({column} AS DOUBLE), TRY_CAST({grouped} AS DOUBLE))"
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def amount(column: str, kind: str) -> str:
    """Return the cell as a DOUBLE of 0 or more: money, perhaps with the sign of a currency."""
    value = number(_unsigned(column, kind), kind)
    return f"CASE WHEN {value} >= 0 THEN {value} END"


def positive(column: str, kind: str) -> str:
    """Return the cell as a DOUBLE above 0: a quantity."""
    value = number(column, kind)
    return f"CASE WHEN {value} > 0 THEN {value} END"


def money(column: str, kind: str) -> str:
    """Return the cell as decimal text, as the shop wrote it less signs and commas, if it is a number of 0 or more."""
    plain = _unsigned(column, kind)
    return f"CASE WHEN {number(plain, kind)} >= 0 THEN replace({trimmed(plain, kind)}, ',', '') END"


def _unsigned(column: str, kind: str) -> str:
    """Return text without the sign of a currency before or behind it."""
    return f"regexp_replace(trim({column}), {_CURRENCY}, '')" if kind == "VARCHAR" else column


def moment(column: str, kind: str) -> str:
    """Return the cell as milliseconds since 1970, UTC, between 1970 and the year 10,000.

    A number is seconds, or milliseconds (from 1e11), microseconds (from 1e14), nanoseconds (from 1e17) by its size;
    text is such a number or RFC 3339, in UTC where it names no offset. What looks like a date (20261101, with or
    without a time behind it) is neither, and so is a time zone's short name.
    """
    if kind.startswith(("TIMESTAMP", "DATE")):
        value = f"epoch_us(CAST({column} AS TIMESTAMPTZ)) // 1000"
        return f"CASE WHEN {_sensible(value)} THEN {value} END"
    if kind == "VARCHAR":
        upper = f"upper(trim({column}))"
        spelled = f"CASE WHEN regexp_full_match({upper}, {_SPELLED}) THEN TRY_CAST({upper} AS TIMESTAMPTZ) END"
        value = f"coalesce({_epoch(f'TRY_CAST({column} AS DOUBLE)')}, epoch_us({spelled}) // 1000)"
    else:
        value = _epoch(f"CAST({column} AS DOUBLE)")
    digits = f"CAST(TRY_CAST(TRY_CAST({column} AS DOUBLE) AS BIGINT) AS VARCHAR)"
    date = f"TRY_STRPTIME({digits}, ['%Y%m%d', '%Y%m%d%H%M', '%Y%m%d%H%M%S'])"
    looks_like_a_date = f"year({date}) BETWEEN {DATES[0]} AND {DATES[1]} AND length({digits}) IN (8, 12, 14)"
    return f"CASE WHEN {_sensible(value)} AND NOT coalesce({looks_like_a_date}, false) THEN {value} END"


def _sensible(value: str) -> str:
    return f"{value} >= 0 AND {value} < {_YEAR_10000}"


def _epoch(value: str) -> str:
    cases = " ".join(f"WHEN abs({value}) < '{below}'::DOUBLE THEN {1000 / parts}" for below, parts in EPOCHS)
    scale = f"CASE {cases} END"
    return f"CASE WHEN isfinite({value}) THEN TRY_CAST(floor({value} * {scale}) AS BIGINT) END"


def truth(column: str, kind: str) -> str:
    """Return the cell as BOOLEAN: a boolean, a number (above 0 is true) or a word such as yes, no, in stock."""
    if kind == "BOOLEAN":
        return column
    if kind in _INTEGERS or kind in _FRACTIONS or kind.startswith("DECIMAL"):
        return f"{column} > 0"
    word = f"lower(trim(CAST({column} AS VARCHAR)))"
    return (
        f"CASE WHEN {word} IN {_YES} THEN true WHEN {word} IN {_NO} THEN false ELSE TRY_CAST({word} AS DOUBLE) > 0 END"
    )


def words(column: str, kind: str) -> str:
    """Return the cell as a list of distinct texts in their order: a list, a JSON array, or text separated by ``|``."""
    if kind.endswith("[]"):
        parts = f"CAST({column} AS VARCHAR[])"
    else:
        plain = f"CAST({column} AS VARCHAR)"
        array = f"json_valid({plain}) AND {plain} LIKE '[%'"
        parts = f"CASE WHEN {array} THEN from_json({plain}, '[\"VARCHAR\"]') ELSE string_split({plain}, '|') END"
    clean = f"list_filter(list_transform({parts}, lambda x: trim(x)), lambda x: x <> '')"
    return f"list_filter({clean}, lambda x, i: list_position({clean}, x) = i)"


def unread(column: str, kind: str, value: str) -> str:
    """Return a condition: the cell holds something, and ``value`` could not make sense of it."""
    return f"({_holds(column, kind)} AND ({value}) IS NULL)"


def _holds(column: str, kind: str) -> str:
    """Return a condition: the cell is not empty; numbers and moments need not be spelled to tell."""
    if kind in _FRACTIONS:
        return f"NOT isnan({column})"
    if kind in _INTEGERS or kind.startswith(("DECIMAL", "TIMESTAMP", "DATE")):
        return f"{column} IS NOT NULL"
    return f"{text(column, kind)} IS NOT NULL"


def wrong_id(name: str, value: str) -> str:
    """Return why the text ``value`` cannot be an id, or null."""
    return (
        f"CASE WHEN {value} IS NULL OR trim({value}) = '' THEN '{name} is empty' "
        f"WHEN length({value}) > {LONGEST} THEN '{name} is longer than {LONGEST} characters' "
        f"WHEN regexp_matches({value}, '[\\x00-\\x1f\\x7f-\\x{{9f}}]') THEN '{name} has a control character' END"
    )
