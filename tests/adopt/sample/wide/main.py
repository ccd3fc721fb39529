"""Every kind of operation that FastAPI describes in a way of its own."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from fastapi import (
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    FastAPI,
    File,
    Form,
    Header,
    Query,
    Security,
    UploadFile,
)
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer, OAuth2PasswordRequestForm
from pydantic import AnyUrl, BaseModel, Field
from starlette.staticfiles import StaticFiles

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """A page of a list."""

    items: list[T]
    next: str | None = None


class Color(str, Enum):  # noqa: UP042 (as most applications have it)
    """A choice."""

    red = "red"
    blue = "blue"


class Cat(BaseModel):
    """One branch."""

    kind: Literal["cat"]
    lives: int = Field(9, ge=0, le=9)


class Dog(BaseModel):
    """The other."""

    kind: Literal["dog"]
    color: Color


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Node(BaseModel):
    """A recursive model whose two directions differ."""

    name: str = Field(pattern=r"^[a-z]+$", max_length=20)
    children: list["Node"] = []
    price: Decimal = Decimal("1.0")
    when: datetime | None = None
    day: date | None = None
    took: timedelta | None = None
    meta: dict[str, Any] = {}
    url: AnyUrl | None = None


class Filter(BaseModel):
    """Parameters as a model."""

    model_config = {"extra": "forbid"}
    limit: int = Field(100, gt=0, le=100)
    tags: list[str] = []


oauth2 = OAuth2PasswordBearer(tokenUrl="token", scopes={"read": "Read"})
key = APIKeyHeader(name="X-Key", auto_error=False)
app = FastAPI(servers=[{"url": "https://api.example.com/base"}])
inner = FastAPI()


def current_user(token: Annotated[str, Security(oauth2, scopes=["read"])]) -> str:
    """Return who calls."""
    return token


@app.post("/token")
def token(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> dict[str, str]:
    """A form, and no scheme."""
    return {"access_token": form.username}


@app.get("/me", responses={404: {"description": "Nobody."}})
def me(user: Annotated[str, Depends(current_user)]) -> dict[str, str]:
    """A scheme below a dependency."""
    return {"user": user}


@app.get("/pets", response_model=Page[Pet])
def pets(
    filter: Annotated[Filter, Query()],
    session: Annotated[str | None, Cookie()] = None,
) -> Any:
    """A model of parameters, a generic model of a union."""
    return {"items": []}


@app.put("/pets/{pet_id}", response_model=Pet)
def put_pet(pet_id: UUID, pet: Pet) -> Any:
    """A union in both directions."""
    return pet


@app.api_route("/both", methods=["GET", "POST"])
def both() -> str:
    """One function of two operations, to which FastAPI gives one id."""
    return ""


@app.post("/upload", status_code=202)
async def upload(file: UploadFile, files: Annotated[list[UploadFile], File()], note: str = Form("n")) -> int:
    """Files and a field."""
    return 1


@app.get("/files/{path:path}")
def files(path: str) -> str:
    """A parameter that takes slashes."""
    return path


@app.get("/stream", response_class=StreamingResponse)
def stream() -> StreamingResponse:
    """No schema at all."""
    chunks: Iterator[str] = iter([""])
    return StreamingResponse(chunks)


@app.get("/page", response_class=HTMLResponse)
def page() -> str:
    """Another media type."""
    return ""


@app.get("/go", response_class=RedirectResponse, status_code=302)
def go() -> str:
    """A redirect."""
    return "/page"


@app.post("/nodes", dependencies=[Depends(key)])
def nodes(node: Node, background: BackgroundTasks, other: Annotated[int, Body()] = 1) -> Node:
    """Two bodies in one, and a scheme that admits strangers."""
    return node


@app.delete("/nodes/{name}", status_code=204)
def drop(name: str) -> None:
    """No body."""


@app.get("/items/{a}-{b}")
def pair(a: int, b: str) -> str:
    """Two parameters in a segment."""
    return b


@app.get("/old", deprecated=True, tags=["old"])
def old(
    q: Annotated[list[int] | None, Query(alias="q[]")] = None, ua: Annotated[str | None, Header()] = None
) -> int:
    """Lists, aliases and headers."""
    return 1


@app.webhooks.post("new-pet")
def new_pet(pet: Cat) -> None:
    """Something that is sent."""


@inner.get("/things/{thing}")
def thing(thing: int) -> int:
    """An operation of an application that is mounted twice."""
    return thing


app.mount("/one", inner)
app.mount("/two", inner)
app.mount("/static", StaticFiles(directory=Path(__file__).parent), name="static")
