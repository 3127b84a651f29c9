"""The API's own description: OpenAPI put right, and the same as a page for people."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from apiflask import APIFlask
from flask import Response, current_app, redirect, render_template, request, url_for
from pydantic import TypeAdapter
from werkzeug.routing import Map
from werkzeug.wrappers import Response as BaseResponse

from recommender.ids import LONGEST
from serving.api.examples import command, exemplify
from serving.api.item_schemas import ItemWithId
from serving.api.parsing import Blueprint
from serving.api.schemas import Problem
from serving.api.user_schemas import UserWithId
from serving.event_records import Event
from serving.list_request import ListRequest

POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
SCHEMA = "#/components/schemas/{model}"
"""How a shape is referred to."""
PARTS: Mapping[str, tuple[str, TypeAdapter[Any]]] = {
    "ListBatchRequest": ("requests", TypeAdapter(ListRequest)),
    "EventsBody": ("events", TypeAdapter(Event)),
    "ItemsBody": ("items", TypeAdapter(ItemWithId)),
    "UsersBody": ("users", TypeAdapter(UserWithId)),
}
"""By body the field whose parts are judged one by one, and the shape of a part."""
RETRY = {"headers": {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}}
PRIVATE = {
    "name": "Sec-GPC",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "enum": ["1"]},
    "description": "The browser's Global Privacy Control: lists read no profile, and nothing is learned of events.",
}
PERSONAL = {"Recommendations", "Events"}
"""Tags of the operations that obey it."""
IMPERSONAL = {"/v1/placements"}
"""Those among them that are about nobody."""
TAGS = ("Recommendations", "Events", "Customers", "Catalogue", "Operation")
"""In the order of the page."""

blueprint = Blueprint(
    "docs",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/docs/static",
    enable_openapi=False,
)


@blueprint.get("/")
def front() -> BaseResponse:
    """Lead who opens the bare address to the page of calls."""
    return redirect(url_for(".docs"))


@blueprint.get("/docs")
def docs() -> Response:
    """Show every call on one page."""
    spec = current_app.spec  # type: ignore[attr-defined]
    page = render_template("docs.html", groups=_groups(spec, request.host_url.rstrip("/")), spec=spec)
    return Response(page, headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"})


def register(app: APIFlask) -> None:
    """Make ``app`` describe its errors and ids as they are, with an example of every call, in the code's own order."""

    def described(spec: dict[str, Any]) -> dict[str, Any]:
        return _described(spec, _endpoints(app.url_map), list(app.view_functions))

    app.spec_processor(described)  # type: ignore[arg-type]  # declared for text as well, called with a dictionary


def _endpoints(routes: Map) -> dict[tuple[str, str], str]:
    """Return the endpoint of each method and path."""
    paths = [(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), rule) for rule in routes.iter_rules()]
    return {(method.lower(), path): rule.endpoint for path, rule in paths for method in rule.methods or ()}


def _described(spec: dict[str, Any], endpoints: Mapping[tuple[str, str], str], order: Sequence[str]) -> dict[str, Any]:
    spec = _once(spec)
    schemas, paths = spec["components"]["schemas"], spec["paths"]
    for made_up in ("HTTPError", "ValidationError"):
        schemas.pop(made_up, None)
    _add(schemas, TypeAdapter(Problem))
    for body, (field, part) in PARTS.items():
        schemas[body]["properties"][field]["items"] = {"$ref": SCHEMA.format(model=_add(schemas, part))}
    for shape in schemas.values():
        _without_defaults(shape)
    for (method, path), endpoint in endpoints.items():
        if operation := paths.get(path, {}).get(method):
            operation["operationId"] = endpoint.rpartition(".")[2]
            _describe(operation, path)
            exemplify(operation)
    first = {path: min(order.index(endpoints[method, path]) for method in paths[path]) for path in paths}
    return spec | {"paths": {path: paths[path] for path in sorted(paths, key=first.__getitem__)}}


def _once(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the description with each shape once, under its own name: APIFlask repeats it for each body around it."""
    whole: dict[str, Any] = json.loads(re.sub(r"(#/components/schemas/)\w+\.", r"\1", json.dumps(spec)))
    components = whole["components"]
    components["schemas"] = {name.rpartition(".")[2]: shape for name, shape in components["schemas"].items()}
    return whole


def _without_defaults(shape: dict[str, Any]) -> None:
    """Put a shape's defaults into words: generators take a field that has one for a field that is always there."""
    for field in shape.get("properties", {}).values():
        default = field.pop("default", None)
        if default not in (None, []):
            field["description"] = f"{field.get('description', '')} Default: ``{json.dumps(default)}``.".lstrip()


def _add(schemas: dict[str, Any], part: TypeAdapter[Any]) -> str:
    """Add a shape, and those within it, under its own name, and return that."""
    shape = part.json_schema(ref_template=SCHEMA)
    schemas |= shape.pop("$defs", {})
    name: str = shape["title"]
    schemas[name] = shape
    return name


def _describe(operation: dict[str, Any], path: str) -> None:
    """Give an operation the one answer that all errors have, the headers that it knows, and its ids their length."""
    content = {"application/problem+json": {"schema": {"$ref": SCHEMA.format(model=Problem.__name__)}}}
    good = {status: answer for status, answer in operation["responses"].items() if status.startswith(("2", "503"))}
    if path.startswith("/v1/"):
        good["503"] = {"description": "A part that the call needs does not answer", **RETRY, "content": content}
    operation["responses"] = good | {"default": {"description": "A problem (RFC 9457)", "content": content}}
    if set(operation["tags"]) & PERSONAL and path not in IMPERSONAL:
        operation["parameters"] = [*operation.get("parameters", ()), PRIVATE]
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter["schema"] |= {"minLength": 1, "maxLength": LONGEST}


def _groups(spec: dict[str, Any], host: str) -> dict[str, list[dict[str, Any]]]:
    """Return the operations by tag, each with an example and its fields as rows of a table."""
    groups: dict[str, list[dict[str, Any]]] = {tag: [] for tag in TAGS}
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            shown = {"method": method.upper(), "path": path, **operation}
            shown["command"] = command(host, method.upper(), path, operation)
            shown["fields"] = [*_parameters(operation), *_body(spec, operation)]
            shown["answer"] = list(_answer(spec, operation))
            groups[operation["tags"][0]].append(shown)
    return groups


def _parameters(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for one in operation.get("parameters", ()):
        said = {"description": one["description"]} if "description" in one else {}
        yield _row(one["name"], one["schema"] | said, one["in"], one["required"])


def _body(spec: dict[str, Any], operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for name, field, required in _fields(spec, content["schema"]):
            yield _row(name, field, "body", required)


def _answer(spec: dict[str, Any], operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for status, answer in operation["responses"].items():
        for content in answer.get("content", {}).values() if status != "default" else ():
            for name, field, _ in _fields(spec, content.get("schema", {})):
                yield _row(name, field, status, required=False)


def _fields(
    spec: dict[str, Any], schema: dict[str, Any], within: str = ""
) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Yield the fields and whether they are needed; those of a list's parts follow it, as ``items[].rank``."""
    schema = _resolved(spec, schema)
    for name, field in schema.get("properties", {}).items():
        yield within + name, field, name in schema.get("required", ())
        for kind in field.get("anyOf", [field]):
            if kind.get("items", {}).keys() & {"$ref", "properties"}:
                yield from _fields(spec, kind["items"], f"{within}{name}[].")


def _resolved(spec: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _row(name: str, schema: dict[str, Any], place: str, required: bool) -> dict[str, Any]:
    return {
        "name": name,
        "place": place,
        "required": required,
        "kind": _kind(schema),
        "text": schema.get("description", ""),
        "default": schema.get("default"),
    }


def _kind(schema: dict[str, Any]) -> str:
    """Return a schema's type in words: ``integer 1–200``, ``list of text``, ``reasons | properties``."""
    if isinstance(schema.get("type"), list):
        return " or ".join(_kind({"type": one}) for one in schema["type"])
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"] if one.get("type") != "null")
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    kind = {"string": "text"}.get(schema.get("type", ""), schema.get("type", "anything"))
    limits = [schema.get("minimum", schema.get("minLength")), schema.get("maximum", schema.get("maxLength"))]
    return f"{kind} {limits[0]}–{limits[1]}" if None not in limits else kind
