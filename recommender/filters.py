"""Filters and boosts: a condition as SQL writes it, turned into one value for every item, or row of another table.

Conditions compare a column with a value (``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, ``between``, ``in``, ``like``,
``ilike``, ``is null``, ``'camping' in tags``) and are joined by ``and``, ``or``, ``not`` and brackets. A boost is
arithmetic over numbers and conditions: ``2 * (brand = 'Acme') + discount``.

A missing value is SQL's null: no comparison with it holds, and neither does the ``not`` of one. So ``not`` is pushed
down to the comparisons, and each of them is asked for the answer that is ``wanted`` of it.
"""

from collections.abc import Callable, Collection
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from recommender.catalogue import Catalogue
from recommender.errors import FilterError
from recommender.expressions import moment, parse, position
from recommender.filter_columns import Column, Columns, Flag, ItemColumns, Number, OwnTags, Tags, Text, Time, nearest

Mask = NDArray[np.bool_]
Numbers = NDArray[np.float32]

_COMPARE: dict[type[exp.Expr], tuple[Callable[..., Any], Callable[..., Any]]] = {
    exp.EQ: (np.equal, np.not_equal),
    exp.NEQ: (np.not_equal, np.equal),
    exp.LT: (np.less, np.greater_equal),
    exp.LTE: (np.less_equal, np.greater),
    exp.GT: (np.greater, np.less_equal),
    exp.GTE: (np.greater_equal, np.less),
}
"""Each comparison and its opposite."""
_MIRROR: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.EQ,
    exp.NEQ: exp.NEQ,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
}
_ARITHMETIC: dict[type[exp.Expr], Callable[..., Any]] = {
    exp.Add: np.add,
    exp.Sub: np.subtract,
    exp.Mul: np.multiply,
    exp.Div: np.divide,
}
_KIND = {
    Flag: "true or false",
    Number: "a number",
    Time: "a date",
    Text: "text",
    Tags: "a list of tags",
    OwnTags: "a list of tags",
}
_LARGEST = 1e30


def compile_filter(expression: str, catalogue: Catalogue, field: str = "filter", own: Collection[str] = ()) -> Mask:
    """Return (N,) for which items the condition holds; ``field`` is what a FilterError calls the expression.

    ``own`` are the tags of the customer who asks, for ``'camping' in customer_tags`` and ``tags in customer_tags``.
    """
    return compile_condition(expression, ItemColumns(catalogue, own), field)


def compile_condition(expression: str, columns: Columns, field: str) -> Mask:
    """Return (N,) for which rows of ``columns`` the condition holds. Raises FilterError."""
    return _Reader(columns, field).holds(parse(expression, field))


def compile_boost(expression: str, catalogue: Catalogue, field: str = "boost", own: Collection[str] = ()) -> Numbers:
    """Return (N,) how much each item is lifted, in the unit of ``policy.boosted``.

    A condition counts 1 where it holds and 0 elsewhere; an item whose number is missing is not lifted.
    """
    lift = _BoostReader(ItemColumns(catalogue, own), field).number(parse(expression, field))
    return np.nan_to_num(np.broadcast_to(lift, len(catalogue)))


class _Reader:
    """Walks a syntax tree over some columns; a node that it has no rule for is not part of the language."""

    def __init__(self, columns: Columns, field: str) -> None:
        self._columns, self._field = columns, field
        self._conditions: dict[type[exp.Expr], Callable[[Any, bool], Mask]] = {
            exp.Paren: lambda node, wanted: self.holds(node.this, wanted),
            exp.Not: lambda node, wanted: self.holds(node.this, not wanted),
            exp.And: self._joined,
            exp.Or: self._joined,
            exp.Boolean: lambda node, wanted: np.full(len(columns), node.this == wanted),
            exp.Column: self._flag,
            exp.Between: self._between,
            exp.In: self._in,
            exp.Like: lambda node, wanted: self._like(node, wanted, fold=False),
            exp.ILike: lambda node, wanted: self._like(node, wanted, fold=True),
            exp.Is: self._is,
            **dict.fromkeys(_COMPARE, self._comparison),
        }

    def holds(self, node: exp.Expr, wanted: bool = True) -> Mask:
        """Return (N,) for which rows the condition's answer is known to be ``wanted``."""
        rule = self._conditions.get(type(node))
        if rule is None:
            raise self._wrong(node, "is not a condition")
        return rule(node, wanted)

    def number(self, node: exp.Expr) -> Numbers:
        """Return (N,) or a single number, NaN where it is missing or not finite."""
        if isinstance(node, exp.Neg):
            return -self.number(node.this)
        if isinstance(node, exp.Literal) and not node.is_string:
            return self._literal(node)
        if type(node) in _ARITHMETIC:
            with np.errstate(all="ignore"):
                result = _ARITHMETIC[type(node)](self.number(node.this), self.number(node.expression))
            return np.where(np.isfinite(result), result, np.float32(np.nan))
        return self.number(node.this) if isinstance(node, exp.Paren) else self._leaf(node)

    def _leaf(self, node: exp.Expr) -> Numbers:
        found = self._column(node)
        numbers = found.values if isinstance(found, Number) else found.numbers if isinstance(found, Text) else None
        if numbers is None:
            raise self._wrong(node, f"is {_KIND[type(found)]}, not a number" if found else "is not a number")
        return numbers

    def _literal(self, node: exp.Literal) -> Numbers:
        try:
            number = float(node.this)
        except ValueError as error:
            raise self._wrong(node, "is not a number") from error
        if number > _LARGEST:
            raise self._wrong(node, "is too large")
        return np.asarray(node.this, np.float32)

    def _text(self, node: exp.Expr) -> str:
        if not isinstance(node.unnest(), exp.Literal) or not node.unnest().is_string:
            raise self._wrong(node, "is not text: write it in single quotes")
        return str(node.unnest().this)

    def _column(self, node: exp.Expr) -> Column | None:
        if not isinstance(node, exp.Column):
            return None
        found = self._columns.column(node.name)
        if found is None:
            near = nearest(self._columns, node.name)
            raise self._wrong(node, "is not a column" + (f"; did you mean {near!r}?" if near else ""))
        return found

    def _joined(self, node: exp.And | exp.Or, wanted: bool) -> Mask:
        join = np.logical_and if isinstance(node, exp.And) == wanted else np.logical_or
        return reduce(join, [self.holds(part, wanted) for part in node.flatten(unnest=False)])

    def _flag(self, node: exp.Column, wanted: bool) -> Mask:
        found = self._column(node)
        if not isinstance(found, Flag):
            raise self._wrong(node, f"is {_KIND[type(found)]}: compare it with something")
        return np.asarray(found.holds == wanted)

    def _comparison(self, node: exp.Binary, wanted: bool) -> Mask:
        return self._compare(type(node), node.this.unnest(), node.expression.unnest(), wanted)

    def _between(self, node: exp.Between, wanted: bool) -> Mask:
        low = self._compare(exp.GTE, node.this.unnest(), node.args["low"].unnest(), wanted)
        high = self._compare(exp.LTE, node.this.unnest(), node.args["high"].unnest(), wanted)
        return low & high if wanted else low | high

    def _compare(self, operator: type[exp.Expr], left: exp.Expr, right: exp.Expr, wanted: bool) -> Mask:
        if isinstance(right, exp.Column) and not isinstance(left, exp.Column):
            operator, left, right = _MIRROR[operator], right, left
        found = self._column(left)
        if isinstance(found, Text) and found.numbers is not None and not right.is_string:
            found = Number(found.numbers)
        if isinstance(found, Text | Flag) and operator in (exp.EQ, exp.NEQ):
            same = (operator is exp.EQ) == wanted
            return found.among([self._text(right)], same) if isinstance(found, Text) else self._same(found, right, same)
        if isinstance(found, Text | Flag | Tags | OwnTags):
            raise self._wrong(left, f"is {_KIND[type(found)]}, which this cannot compare")
        compare = _COMPARE[operator][0 if wanted else 1]
        if isinstance(found, Time):
            return np.asarray(
                compare(found.values, moment(self._text(right), position(right), self._field)) & found.known
            )
        return self._numbers(compare, self.number(left), self.number(right))

    def _same(self, flag: Flag, other: exp.Expr, same: bool) -> Mask:
        if not isinstance(other, exp.Boolean):
            raise self._wrong(other, "is neither true nor false")
        return np.asarray(flag.holds == (bool(other.this) == same))

    def _numbers(self, compare: Callable[..., Any], left: Numbers, right: Numbers) -> Mask:
        answer = compare(left, right)
        if compare is np.not_equal:
            answer = answer & ~np.isnan(left) & ~np.isnan(right)
        return np.array(np.broadcast_to(answer, len(self._columns)))

    def _in(self, node: exp.In, wanted: bool) -> Mask:
        left, values = node.this.unnest(), [node.args["field"]] if node.args.get("field") else node.expressions
        tags = self._column(values[0].unnest()) if len(values) == 1 else None
        found = self._column(left)
        if isinstance(tags, OwnTags) and isinstance(found, Tags):
            return np.asarray(tags.shared(found) == wanted)
        if isinstance(tags, Tags | OwnTags):
            return np.asarray(tags.having(self._text(left)) == wanted)
        if not values or found is None:
            raise self._wrong(node, "needs a column and its values, or a tag and 'tags'")
        if isinstance(found, Text):
            return found.among([self._text(value) for value in values], wanted)
        parts = [self._compare(exp.EQ, left, value.unnest(), wanted) for value in values]
        return reduce(np.logical_or if wanted else np.logical_and, parts)

    def _like(self, node: exp.Binary, wanted: bool, *, fold: bool) -> Mask:
        found = self._column(node.this.unnest())
        if not isinstance(found, Text):
            raise self._wrong(node, "needs a column of text")
        return found.like(self._text(node.expression), wanted != bool(node.args.get("negate")), fold=fold)

    def _is(self, node: exp.Is, wanted: bool) -> Mask:
        if isinstance(node.expression, exp.Boolean):
            return self._compare(exp.EQ, node.this.unnest(), node.expression, wanted)
        if not isinstance(node.expression, exp.Null):
            raise self._wrong(node, "can only ask for null, true or false")
        match self._column(node.this.unnest()):
            case Text(column=text):
                missing = text.code < 0
            case Time() as time:
                missing = ~time.known
            case Flag(untold=untold) if untold is not None:
                missing = untold
            case Flag() | Tags() | OwnTags():
                missing = np.zeros(len(self._columns), np.bool_)
            case _:
                missing = np.broadcast_to(np.isnan(self.number(node.this)), len(self._columns))
        return np.asarray(missing == wanted)

    def _wrong(self, node: exp.Expr, detail: str) -> FilterError:
        name = repr(node.name) if isinstance(node, exp.Column) else node.sql()
        return FilterError(self._field, f"{name} {detail}", position(node))


class _BoostReader(_Reader):
    """Reads arithmetic in which a condition is a number too: 1 where it holds, else 0."""

    def _leaf(self, node: exp.Expr) -> Numbers:
        if isinstance(self._column(node), Flag) or (
            type(node) in self._conditions and not isinstance(node, exp.Column)
        ):
            return self.holds(node).astype(np.float32)
        return super()._leaf(node)
