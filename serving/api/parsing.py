"""Reads bodies and query strings into pydantic models, and ids out of paths."""

import json
import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

from apiflask import APIBlueprint
from apiflask.schema_adapters import registry
from apiflask.schema_adapters.pydantic import PydanticAdapter
from flask import Request, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import MethodNotAllowed, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.routing import BaseConverter, Map

from recommender.errors import InvalidInput
from recommender.ids import CONTROL, LONGEST
from serving.api.errors import field_name
from serving.list_request import said

Model = TypeVar("Model", bound=BaseModel)
ID = re.compile(rf"[^{CONTROL}]{{1,{LONGEST}}}")
Handler = TypeVar("Handler", bound=Callable[..., Any])

MOST_KEPT, LONGEST_KEPT = 1_000, 256
"""Of query strings that were read: how many, of how many characters."""
MOST_SWALLOWED = 16 * 1024 * 1024
"""Bytes of a body that is too long: a client reads the answer only once it could send all."""
ESCAPED = "werkzeug.url_quote"
"""Werkzeug's way with what is no UTF-8: it stays percent-encoded."""


_ROUTE = re.compile(r"(?P<head>/v1/\w+/)<id:\w+>(?P<tail>.*)")
"""A route with an id: what comes before it, and what goes on behind it."""
_VARIABLE = re.compile(r"<(id:)?\w+>")


class IdConverter(BaseConverter):
    """An id in a path: any characters, ``/`` included."""

    regex = "(?s:.+)"
    part_isolating = False


def check_ids(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Raise InvalidInput for an id in a path that is none; a URL value preprocessor."""
    for name, value in (values or {}).items():
        if "\ufffd" in value and not _is_utf8(request.environ.get("PATH_INFO", "")):
            raise InvalidInput(name, "is not UTF-8, as percent-encoded in the path")
        if not ID.fullmatch(value):
            raise InvalidInput(name, f"is not 1 to {LONGEST} characters without control characters")


def _is_utf8(path: str) -> bool:
    """Return whether the path's bytes, which WSGI hands over as Latin-1, are UTF-8."""
    try:
        path.encode("latin1").decode()
    except UnicodeError:
        return False
    return True


def wrong_methods(routes: Map) -> Callable[[str | None, dict[str, Any] | None], None]:
    """Return a URL value preprocessor that raises 405 for an id that ends like one of the paths of ``routes``.

    ``DELETE …/bob/preferences`` is a wrong method; it must not be the erasure of a customer of that name.
    """
    known = [(found["head"], found["tail"], rule) for rule in routes.iter_rules() if (found := _ROUTE.match(rule.rule))]
    tails = [
        (head, re.compile("(?s:.+)" + _VARIABLE.sub(".+", re.escape(tail))), rule) for head, tail, rule in known if tail
    ]

    def check(endpoint: str | None, values: dict[str, Any] | None) -> None:
        """Raise MethodNotAllowed; only a route that ends with its id is looked at."""
        found = _ROUTE.match(request.url_rule.rule) if request.url_rule else None
        if not found or found["tail"] or not values:
            return
        (one,) = values.values()
        methods = {
            each
            for head, tail, rule in tails
            if head == found["head"] and tail.fullmatch(one)
            for each in rule.methods or ()
        }
        if methods:
            raise MethodNotAllowed(valid_methods=sorted(methods))

    return check


class StrictAdapter(PydanticAdapter):
    """APIFlask's way to pydantic, reading the raw body, so that big numbers and errors keep their form.

    Raises pydantic's own ValidationError, and 415 for a body that says it is not JSON.
    """

    def validate_input(self, request: Request, location: str, **kwargs: Any) -> BaseModel:
        """Return the model that ``location`` (``json`` or ``query``) holds."""
        own: Request = request._get_current_object()  # type: ignore[attr-defined]  # APIFlask hands over the proxy
        if location == "json":
            return read_body(own, self.model_class)
        return read_query(own, self.model_class)


def read_body(request: Request, model: type[Model]) -> Model:
    """Return the request's JSON body as ``model``."""
    declared = request.environ.get("CONTENT_TYPE")
    if declared and declared != "application/json" and not request.is_json:
        raise UnsupportedMediaType(f"send application/json, not {request.mimetype}")
    if request.environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise UnsupportedMediaType("send the body as it is, without a Content-Encoding")
    return model.model_validate_json(body_of(request) or b"null", strict=True)


def read_part(model: type[Model], part: Any) -> Model | InvalidInput:
    """Return one part of a body as ``model``, or what is wrong with it first."""
    try:
        return model.model_validate_json(json.dumps(part), strict=True)  # orjson writes no number beyond 64 bits
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return InvalidInput(field_name(first["loc"]), said(first))


def read_parts(model: type[Model], parts: Sequence[Any]) -> tuple[list[Model], list[dict[str, Any]]]:
    """Return the parts of a body that can be taken, and what is wrong with the others."""
    read = [read_part(model, part) for part in parts]
    rejected = [
        {"index": index, "field": one.field, "detail": one.detail}
        for index, one in enumerate(read)
        if isinstance(one, InvalidInput)
    ]
    return [one for one in read if not isinstance(one, InvalidInput)], rejected


def body_of(request: Request) -> bytes:
    """Return the body, read at once; raises 413 where it is longer than allowed, also where its length was not told."""
    told, most = request.environ.get("CONTENT_LENGTH", ""), request.max_content_length
    if most is None:
        return request.get_data(cache=False)
    length = int(told) if told.isdigit() else None
    if length is not None and length > most:
        request.environ["wsgi.input"].read(min(length, MOST_SWALLOWED))
        raise RequestEntityTooLarge(f"body: is longer than {most:,} bytes")
    body: bytes = request.environ["wsgi.input"].read(most + 1 if length is None else length)
    if len(body) > most:
        raise RequestEntityTooLarge(f"body: is longer than {most:,} bytes")
    return body


def read_query(request: Request, model: type[Model]) -> Model:
    """Return the query string as ``model``, a frozen value: of those that come again and again the latest are kept."""
    text = request.environ.get("QUERY_STRING", "")
    return _kept(model, text) if len(text) <= LONGEST_KEPT else _parsed(model, text)


def _parsed(model: type[Model], text: str) -> Model:
    """Return a query string as ``model``; a name that comes more than once, or whose field is a list, is a list."""
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(
        text.encode("latin1").decode(errors="replace"), keep_blank_values=True, errors=ESCAPED
    ):
        given.setdefault(name, []).append(value)
    lists = _list_fields(model)
    return model.model_validate({k: v if k in lists or len(v) > 1 else v[0] for k, v in given.items()})


_kept = lru_cache(MOST_KEPT)(_parsed)


@cache
def _list_fields(model: type[BaseModel]) -> frozenset[str]:
    def is_list(annotation: Any) -> bool:
        return get_origin(annotation) in (list, tuple) or any(map(is_list, get_args(annotation)))

    return frozenset(name for name, field in model.model_fields.items() if is_list(field.annotation))


class Blueprint(APIBlueprint):
    """A blueprint whose inputs are read by ``StrictAdapter``."""

    def input(self, *args: Any, **kwargs: Any) -> Callable[[Handler], Handler]:
        """Declare and read a part of the request; APIFlask looks its reader up in a registry of its own."""
        registry.register("pydantic", StrictAdapter)
        return super().input(*args, **kwargs)
