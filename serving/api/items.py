"""The catalogue over HTTP."""

from recommender.errors import InvalidInput
from serving.api.current import services
from serving.api.item_schemas import ItemFields, ItemsBody, ItemShown, ItemsPage, ItemsQuery, ItemsTaken, ItemWithId
from serving.api.parsing import Blueprint, read_parts
from serving.api.whole import Whole
from serving.catalogue import get_item, list_items, put_items

blueprint = Blueprint("items", __name__, tag="Catalogue")


@blueprint.get("/v1/items")
@blueprint.input(ItemsQuery, location="query", arg_name="query")
@blueprint.output(ItemsPage)
def items_page(query: ItemsQuery) -> Whole:
    """A page of the catalogue, by item id."""
    return Whole.of(list_items(services(), query.limit, query.after, query.filter))


@blueprint.post("/v1/items")
@blueprint.input(ItemsBody, arg_name="body")
@blueprint.output(ItemsTaken)
def items_bulk(body: ItemsBody) -> Whole:
    """Change or add up to 1,000 items; a wrong one does not spoil the others."""
    taken, rejected = read_parts(ItemWithId, body.items)
    revision = put_items(services(), [one.changes(one.item_id) for one in taken]) if taken else None
    return Whole.of({"accepted": len(taken), "rejected": rejected, "revision": revision})


@blueprint.get("/v1/items/<id:item_id>")
@blueprint.output(ItemShown)
def item(item_id: str) -> Whole:
    """All that is known of an item."""
    return Whole.of(get_item(services(), item_id))


@blueprint.put("/v1/items/<id:item_id>")
@blueprint.input(ItemFields, arg_name="fields")
@blueprint.output(ItemShown)
def item_put(item_id: str, fields: ItemFields) -> Whole:
    """Change or add an item; the next list obeys."""
    if fields.item_id not in (None, item_id):
        raise InvalidInput("item_id", f"is {fields.item_id!r} in the body and {item_id!r} in the path")
    put_items(services(), [fields.changes(item_id)])
    return Whole.of(get_item(services(), item_id))
