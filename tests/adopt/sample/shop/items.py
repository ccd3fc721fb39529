"""Items: a router with a prefix and a dependency of its own."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from pydantic import BaseModel


class ItemIn(BaseModel):
    """What a caller sends."""

    name: str
    price: float


class Item(ItemIn):
    """What is stored."""

    id: int


async def require_key(x_key: Annotated[str | None, Header()] = None) -> None:
    """Refuse callers who do not know the key."""
    if x_key != "open":
        raise HTTPException(401, "no key")


def currency() -> str:
    """What prices are in."""
    return "EUR"


router = APIRouter(prefix="/items", tags=["items"], dependencies=[Depends(require_key)])


@router.get("/featured", operation_id="featuredItem")
async def featured(request: Request) -> dict[str, str]:
    """Return the item of the day; a literal path beside a templated one."""
    return {"name": "featured", "self": str(request.url_for("featured"))}


@router.get("", operation_id="listItems")
async def list_items(
    request: Request, response: Response, limit: Annotated[int, Query(ge=1, le=50)] = 10
) -> list[Item]:
    """Return the first items."""
    async with request.state.pool.connection() as connection:
        rows = await connection.execute("select id, name, price from items order by id limit %s", [limit])
        found = [Item(id=row[0], name=row[1], price=row[2]) for row in await rows.fetchall()]
    response.headers["X-Count"] = str(len(found))
    return found


@router.post("", status_code=201, operation_id="createItem")
async def create_item(request: Request, body: ItemIn) -> Item:
    """Store an item."""
    async with request.state.pool.connection() as connection:
        row = await connection.execute(
            "insert into items (name, price) values (%s, %s) returning id", [body.name, body.price]
        )
        (number,) = await row.fetchone()
    return Item(id=number, **body.model_dump())


@router.get("/{item_id}", operation_id="getItem")
async def get_item(
    request: Request, item_id: int, money: Annotated[str, Depends(currency)]
) -> dict[str, Any]:
    """Return one item."""
    async with request.state.pool.connection() as connection:
        rows = await connection.execute("select id, name, price from items where id = %s", [item_id])
        row = await rows.fetchone()
    if row is None:
        raise HTTPException(404, "no such item")
    return {"id": row[0], "name": row[1], "price": row[2], "currency": money}


@router.delete("/{item_id}", status_code=204, operation_id="deleteItem")
async def delete_item(request: Request, item_id: int) -> None:
    """Remove one item."""
    async with request.state.pool.connection() as connection:
        await connection.execute("delete from items where id = %s", [item_id])
