"""Every exception as an RFC 9457 problem, by one table."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from apiflask import APIFlask
from flask import Response, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from recommender.errors import BundleError, Conflict, FilterError, InvalidInput, NotFound, TagalongError, Unavailable
from serving.api.current import services
from serving.list_request import said

log = structlog.get_logger()

STATUS: Mapping[type[Exception], HTTPStatus] = {
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    BundleError: HTTPStatus.SERVICE_UNAVAILABLE,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    TagalongError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""The nearest class in an exception's line of ancestors decides."""

OF_THE_BODY = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
"""Statuses that say what is wrong with the body as a whole."""


def register(app: APIFlask) -> None:
    """Make ``app`` answer every error as a problem."""
    app.register_error_handler(TagalongError, _expected)
    app.register_error_handler(ValidationError, _invalid)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """Return a problem document as an answer; ``more`` are its further members."""
    return _response(_members(status, detail, **more), headers)


def problem_of(error: TagalongError) -> dict[str, Any]:
    """Return the members of an expected error's problem document."""
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    members = _members(status, str(error))
    if isinstance(error, InvalidInput):
        members["errors"] = [{"field": error.field, "detail": error.detail}]
    if isinstance(error, FilterError):
        members["errors"][0]["position"] = error.position
    return members


def _members(status: int, detail: str, **more: Any) -> dict[str, Any]:
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}


def _response(members: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    route = request.url_rule.rule if request.url_rule else "none"
    services().metrics.problems.labels(route, str(int(members["status"]))).inc()
    content_type = "application/problem+json"
    return Response(orjson.dumps(members), members["status"], dict(headers or {}), content_type=content_type)


def _expected(error: TagalongError) -> Response:
    if isinstance(error, Unavailable):
        services().metrics.unavailable.labels(error.part).inc()
    if isinstance(error, Unavailable) and error.__cause__ is not None:
        log.warning("refused", part=error.part, cause=repr(error.__cause__))
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Unavailable) else {}
    return _response(problem_of(error), headers)


def _invalid(error: ValidationError) -> Response:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    broken = any(e["type"] == "json_invalid" for e in found)
    status = HTTPStatus.BAD_REQUEST if broken else HTTPStatus.UNPROCESSABLE_ENTITY
    errors = [{"field": field_name(e["loc"]), "detail": said(e)} for e in found]
    return problem(status, f"{errors[0]['field']}: {errors[0]['detail']}", errors=errors)


BRANCHES = frozenset(
    ["Diversity", "bool", "str", "int", "float", "[key]", "constrained-str", "constrained-int", "constrained-float"]
)
"""What pydantic adds to a field's place: the branch of a union that it tried, or that a key is meant."""


def field_name(place: Sequence[int | str]) -> str:
    """Return a field as the caller wrote it: ``items[3].price``; the whole body is ``body``."""
    told = [part for at, part in enumerate(place) if at == 0 or part not in BRANCHES]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in told)
    return text.lstrip(".") or "body"


def _http(error: HTTPException) -> Response:
    headers = {name: value for name, value in error.get_headers() if name not in {"Content-Type", "Content-Length"}}
    is_unknown = error.code == HTTPStatus.NOT_FOUND
    detail = "no call has this path; /docs lists them all" if is_unknown else error.description or ""
    members = {"errors": [{"field": "body", "detail": detail}]} if error.code in OF_THE_BODY else {}
    return problem(error.code or 500, detail, headers, **members)


def _unexpected(error: Exception) -> Response:
    log.error("unexpected error", exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an error on our side; it has been logged")
