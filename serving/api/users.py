"""Customers over HTTP: what they declare, their tags, their choices, one identity, and the way out."""

from typing import Any

import orjson
from flask import Response

from serving.api.current import services
from serving.api.parsing import Blueprint, read_parts
from serving.api.user_schemas import (
    MergeBody,
    Merged,
    PreferencesBody,
    PreferencesShown,
    ReceiptShown,
    TagBody,
    TagsShown,
    UserChanges,
    UserFields,
    UsersBody,
    UserShown,
    UsersTaken,
    UserWithId,
)
from serving.api.whole import Whole
from serving.privacy import erase, export, verify
from serving.users import amend, choose, declare, get_preferences, get_tags, get_user, give_tag, merge, mute_tag

blueprint = Blueprint("users", __name__, tag="Customers")

NDJSON = "application/x-ndjson"
LINES: dict[int | str, dict[str, str | dict[str, dict[str, Any]]]] = {
    200: {"description": "Everything held, a JSON object a line.", "content": {NDJSON: {"schema": {"type": "string"}}}}
}


@blueprint.get("/v1/users/<id:user_id>")
@blueprint.output(UserShown)
def user(user_id: str) -> Whole:
    """What is known of a customer: declared, earned, chosen."""
    return Whole.of(get_user(services(), user_id))


@blueprint.put("/v1/users/<id:user_id>")
@blueprint.input(UserFields, arg_name="fields")
@blueprint.output(UserShown)
def user_put(user_id: str, fields: UserFields) -> Whole:
    """Declare a customer; the next list obeys."""
    declare(services(), [(user_id, fields.model_dump(exclude_none=True))])
    return Whole.of(get_user(services(), user_id))


@blueprint.patch("/v1/users/<id:user_id>")
@blueprint.input(UserChanges, arg_name="changes")
@blueprint.output(UserShown)
def user_patch(user_id: str, changes: UserChanges) -> Whole:
    """Change some of what is declared of a customer (RFC 7396); the next list obeys."""
    amend(services(), user_id, changes.model_dump(exclude_unset=True))
    return Whole.of(get_user(services(), user_id))


@blueprint.post("/v1/users")
@blueprint.input(UsersBody, arg_name="body")
@blueprint.output(UsersTaken)
def users_bulk(body: UsersBody) -> Whole:
    """Declare up to 1,000 customers; a wrong one does not spoil the others, which are stored together or not at all."""
    taken, rejected = read_parts(UserWithId, body.users)
    declare(services(), [(one.user_id, one.model_dump(exclude_none=True, exclude={"user_id"})) for one in taken])
    return Whole.of({"accepted": len(taken), "rejected": rejected})


@blueprint.get("/v1/users/<id:user_id>/tags")
@blueprint.output(TagsShown)
def tags(user_id: str) -> Whole:
    """A customer's tags with where they come from, and the muted ones."""
    return Whole.of(get_tags(services(), user_id))


@blueprint.put("/v1/users/<id:user_id>/tags/<id:tag>")
@blueprint.input(TagBody, arg_name="body")
@blueprint.output(TagsShown)
def tag_put(user_id: str, tag: str, body: TagBody) -> Whole:
    """Put a tag on a customer by hand; this unmutes it."""
    return Whole.of(give_tag(services(), user_id, tag, body.weight))


@blueprint.delete("/v1/users/<id:user_id>/tags/<id:tag>")
@blueprint.output(TagsShown)
def tag_delete(user_id: str, tag: str) -> Whole:
    """Take a tag off a customer; behaviour does not bring it back."""
    return Whole.of(mute_tag(services(), user_id, tag))


@blueprint.get("/v1/users/<id:user_id>/preferences")
@blueprint.output(PreferencesShown)
def preferences(user_id: str) -> Whole:
    """What a customer chose."""
    return Whole.of(get_preferences(services(), user_id))


@blueprint.put("/v1/users/<id:user_id>/preferences")
@blueprint.input(PreferencesBody, arg_name="body")
@blueprint.output(PreferencesShown)
def preferences_put(user_id: str, body: PreferencesBody) -> Whole:
    """Choose personal or common lists; obeyed on every path from the next request on."""
    return Whole.of(choose(services(), user_id, body.personalize))


@blueprint.post("/v1/users/<id:user_id>:merge")
@blueprint.input(MergeBody, arg_name="body")
@blueprint.output(Merged)
def merge_post(user_id: str, body: MergeBody) -> Whole:
    """Join a visitor into a customer; later events of the visitor follow."""
    return Whole.of(merge(services(), user_id, body.visitor_id))


@blueprint.delete("/v1/users/<id:user_id>")
@blueprint.output(ReceiptShown)
def user_delete(user_id: str) -> Whole:
    """Forget a customer; the receipt says what was removed where."""
    return Whole.of(erase(services(), user_id))


@blueprint.get("/v1/users/<id:user_id>/erasure/<id:receipt>")
@blueprint.output(ReceiptShown)
def erasure(user_id: str, receipt: str) -> Whole:
    """Verify an erasure by looking."""
    return Whole.of(verify(services(), user_id, receipt))


@blueprint.get("/v1/users/<id:user_id>/export")
@blueprint.doc(responses=LINES)
def user_export(user_id: str) -> Response:
    """Everything held of a customer, as JSON Lines."""
    records = export(services(), user_id)
    lines = (orjson.dumps(one) + b"\n" for one in records)
    return Response(lines, headers={"Cache-Control": "no-store"}, content_type=NDJSON)
