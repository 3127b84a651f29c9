"""The text of a filter or boost, read into a syntax tree that holds nothing but what the language has."""

import re

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from recommender.errors import FilterError
from recommender.times import seconds

MOST_CHARACTERS = 2_000
MOST_TOKENS = 300
MOST_NESTED = 20
MOST_PATTERNS = 10
"""Patterns of ``like`` and ``ilike``: each is held against every text of its column."""

_WORDS = {
    TokenType.AND, TokenType.OR, TokenType.NOT, TokenType.IN, TokenType.BETWEEN, TokenType.LIKE, TokenType.ILIKE,
    TokenType.IS, TokenType.NULL, TokenType.TRUE, TokenType.FALSE,
}  # fmt: skip
_OTHERS = {
    TokenType.STRING, TokenType.NUMBER, TokenType.IDENTIFIER, TokenType.L_PAREN, TokenType.R_PAREN, TokenType.COMMA,
    TokenType.EQ, TokenType.NEQ, TokenType.LT, TokenType.LTE, TokenType.GT, TokenType.GTE, TokenType.PLUS,
    TokenType.DASH, TokenType.STAR, TokenType.SLASH,
}  # fmt: skip
_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
_FOREIGN = re.compile(r"""['"{]|--|/\*""")
"""What stands outside of quotes only if a quote is open, or a comment or a template begins."""


def parse(text: str, field: str) -> exp.Expr:
    """Return the syntax tree of an expression; ``field`` is what errors call it.

    SQL's own parser reads it, from words and signs of our language alone: every word that is not one of them becomes a
    quoted name before the parser sees it, so no statement, function, cast or comment of SQL can come in.

    Raises FilterError with the position, also where the text is too long or nested too deeply to be read cheaply.
    """
    if not text.strip():
        raise FilterError(field, "is empty", 0)
    if len(text) > MOST_CHARACTERS:
        raise FilterError(field, f"is longer than {MOST_CHARACTERS} characters", MOST_CHARACTERS)
    line = re.sub(r"\s", " ", text)
    tokens = _tokens(line, field)
    try:
        trees = Dialect.get_or_raise(None).parser().parse(tokens, line)
    except ParseError as error:
        raise _unreadable(error, line, field) from None
    if len(trees) != 1 or trees[0] is None:
        raise FilterError(field, "holds no single expression", 0)
    return trees[0]


def position(node: exp.Expr) -> int:
    """Return where in the text a node begins, as far as its names and literals tell; 0 where none does."""
    starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    if not starts and isinstance(node.parent, exp.Expr):
        return position(node.parent)
    return int(min(starts, default=0))


def moment(text: str, at: int, field: str) -> int:
    """Return the time that ``text`` names in seconds since 1970: a date, or RFC 3339; UTC where it has no offset."""
    try:
        return seconds(text)
    except ValueError:
        raise FilterError(field, f"{text!r} is not a date", at) from None


def _tokens(line: str, field: str) -> list[Token]:
    foreign = _FOREIGN.search(_QUOTED.sub(lambda quoted: " " * len(quoted[0]), line))
    if foreign:
        what = "has a quote that is not closed" if foreign[0] in "'\"" else f"may not hold {foreign[0]!r}"
        raise FilterError(field, what, foreign.start())
    try:
        tokens = Dialect.get_or_raise(None).tokenize(line)
    except TokenError:
        raise FilterError(field, "cannot be read", 0) from None
    if len(tokens) > MOST_TOKENS:
        raise FilterError(field, f"has more than {MOST_TOKENS} words and signs", tokens[MOST_TOKENS].start)
    _check_depth(tokens, field)
    patterns = [token for token in tokens if token.token_type in (TokenType.LIKE, TokenType.ILIKE)]
    if len(patterns) > MOST_PATTERNS:
        raise FilterError(field, f"has more than {MOST_PATTERNS} patterns", patterns[MOST_PATTERNS].start)
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        _check(token, following, field)
    return tokens


def _check_depth(tokens: list[Token], field: str) -> None:
    nested = negated = 0
    for token in tokens:
        nested += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        negated = negated + 1 if token.token_type in (TokenType.NOT, TokenType.DASH) else negated
        if token.token_type not in (TokenType.NOT, TokenType.DASH, TokenType.L_PAREN):
            negated = 0  # what follows belongs to another operand
        if nested > MOST_NESTED or negated > MOST_NESTED:
            raise FilterError(field, "is nested too deeply", token.start)


def _check(token: Token, following: Token | None, field: str) -> None:
    if token.token_type in _WORDS or token.token_type in _OTHERS:
        return
    if not token.text.isidentifier() or token.end - token.start + 1 != len(token.text):
        raise FilterError(field, f"may not hold {token.text!r}", token.start)
    if following is not None and following.token_type == TokenType.L_PAREN:
        raise FilterError(field, f"has no function {token.text!r}", token.start)
    token.token_type = TokenType.IDENTIFIER


def _unreadable(error: ParseError, line: str, field: str) -> FilterError:
    where = error.errors[0] if error.errors else {}
    at = max(int(where.get("col") or 0) - len(where.get("highlight") or ""), 0)
    return FilterError(field, f"cannot be read near {line[at : at + 20]!r}", at)
