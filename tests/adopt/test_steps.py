"""The sample shop is taken over operation by operation, over HTTP and on a real PostgreSQL."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest

from handfast.runtime.database import Dsns, throwaway
from tests.adopt.kit import TARGET, environment_of, report, served, shop, splice, states
from tests.unit.cli_kit import handfast

KEY = {"X-Key": "open"}
REQUESTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", "/api/items", {"json": {"name": "tea", "price": 2.5}, "headers": KEY}),
    ("POST", "/api/items", {"json": {"name": "cup", "price": "4"}, "headers": KEY}),
    ("POST", "/api/items", {"json": {"name": 1}, "headers": KEY}),
    ("POST", "/api/items", {"json": {"name": "tea", "price": 2.5}}),
    ("GET", "/api/items", {"headers": KEY}),
    ("GET", "/api/items?limit=1", {"headers": KEY}),
    ("GET", "/api/items?limit=0", {"headers": KEY}),
    ("GET", "/api/items/1", {"headers": KEY}),
    ("GET", "/api/items/99", {"headers": KEY}),
    ("GET", "/api/items/featured", {"headers": KEY}),
    ("GET", "/api/items/x", {"headers": KEY}),
    ("GET", "/api/items/a%2Fb", {"headers": KEY}),
    ("GET", "/api/items/", {"headers": KEY}),
    ("PUT", "/api/items", {"headers": KEY}),
    ("PATCH", "/api/items/1", {"headers": KEY}),
    ("HEAD", "/api/items", {"headers": KEY}),
    ("OPTIONS", "/api/items", {}),
    ("DELETE", "/api/items/2", {"headers": KEY}),
    ("GET", "/admin/stats", {}),
    ("GET", "/admin/none", {}),
    ("GET", "/admin/openapi.json", {}),
    ("GET", "/static/a/b", {}),
    ("GET", "/lost", {}),
    ("GET", "/none", {}),
    ("GET", "/openapi.json", {}),
    ("GET", "/docs", {}),
)
Answer: TypeAlias = tuple[str, int, dict[str, str], str]

TABLES = '''\
"""The tables of the shop, which its hand-written part uses too."""

from decimal import Decimal
from typing import ClassVar

from sqlmodel import Field, SQLModel


class Item(SQLModel, table=True):
    __tablename__ = "items"
    __owner__: ClassVar[str | None] = None

    id: int | None = Field(default=None, primary_key=True)
    name: str
    price: float


metadata = SQLModel.metadata
'''
MIGRATION = '''\
"""Create the items of the shop."""

import sqlalchemy as sa
from alembic import op
from handfast.runtime.database import isolation

revision = "0001_items"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "items",
        sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("price", sa.Float(), nullable=False),
    )
    isolation.share_table("items", writable=True)


def downgrade() -> None:
    isolation.unshare_table("items")
    op.drop_table("items")
'''
ENVIRONMENT = """\
from handfast.runtime.database.migrate import run_env
from handlers.shop_api_api.tables import metadata

run_env(metadata)
"""


CREATE = """\
    row = await ctx.db.insert(tables.Item(name=body.name, price=body.price))
    assert row.id is not None
    return Item(id=row.id, name=row.name, price=row.price)
"""


SCHEME = """\
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Key}
"""
AUTHENTICATOR = """\
from handfast.runtime import Authenticator, Principal


async def _key(credential: str) -> Principal | None:
    return Principal.of("shop") if credential == "open" else None


authenticators: dict[str, Authenticator] = {"key": _key}
"""
HARDENED = (
    "cache-control",
    "content-security-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "referrer-policy",
    "x-content-type-options",
    "x-correlation-id",
)
"""Headers that Handfast adds to what it answers."""


def place(file: Path, function: str) -> dict[str, Any]:
    """Return where a function of the shop is defined."""
    lines = file.read_text(encoding="utf-8").splitlines()
    (line,) = [
        number for number, text in enumerate(lines, 1) if re.match(rf"(async )?def {function}\(", text)
    ]
    return {"name": function, "file": f"shop/{file.name}", "line": line}


def comparable(answer: Answer) -> Answer:
    name, status, headers, text = answer
    return name, status, {key: value for key, value in headers.items() if key not in HARDENED}, text


BODIES = {
    "list_items": "    rows = await ctx.db.all(select(tables.Item).limit(limit))\n"
    "    return [Item(id=row.id or 0, name=row.name, price=row.price) for row in rows]\n",
    "featured_item": "    return {'name': 'featured'}\n",
    "get_item": "    row = await ctx.db.first(select(tables.Item).where(tables.Item.id == item_id))\n"
    "    if row is None:\n        raise NotFound\n"
    "    return {'id': row.id, 'name': row.name}\n",
    "delete_item": "    await ctx.db.execute(delete(tables.Item).where(tables.Item.id == item_id))\n",
    "lost": "    return None\n",
}


def without_operations(text: str) -> str:
    """Take the functions of HTTP operations out of a module of the shop."""
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    for node in reversed(tree.body):
        decorators = [ast.unparse(one) for one in getattr(node, "decorator_list", ())]
        if any(re.match(r"\w+\.(get|post|delete)\(", one) for one in decorators):
            assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            del lines[node.decorator_list[0].lineno - 1 : node.end_lineno]
    return "".join(lines)


def write(operations: Path, function: str, body: str) -> None:
    """Write the handler of an operation where its stub is."""
    text = operations.read_text(encoding="utf-8")
    head, name, rest = text.partition(f"async def {function}(")
    signature, _, rest = rest.partition("    raise NotWritten\n")
    if "import tables" not in head:
        more = (
            "from handfast.runtime import NotFound\n"
            "from sqlmodel import delete, select\n"
            "from handlers.shop_api_api import tables\n"
        )
        head = head.replace("from generated.", more + "from generated.", 1)
    operations.write_text(head + name + signature + body + rest, encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop, adopted from the document that it derives; what follows changes it step by step."""
    return shop(tmp_path_factory.mktemp("adopt"))


@pytest.fixture
def shop_dsn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DSN", "host=127.0.0.1")


def dsns_of(postgres: throwaway.Server, project: Path) -> Dsns:
    """A database migrated in a process of its own: here, tables of this service are known already."""
    dsns = throwaway.database(postgres)
    environment = environment_of(dsns) | {"HANDFAST_DATABASE_OWNER_URL": dsns.owner}
    subprocess.run([sys.executable, "-m", "handfast", "migrate"], cwd=project, env=environment, check=True)
    return dsns


def answers(client: httpx.Client) -> Iterator[Answer]:
    """Send all requests, and yield what comes back, but for what each answer has anew."""
    for method, path, more in REQUESTS:
        response = client.request(method, path, **more)
        headers = {name: value for name, value in response.headers.items() if name != "date"}
        text = response.text.replace(str(client.base_url), "http://shop/")
        headers.pop("content-length", None)
        if "location" in headers:
            headers["location"] = headers["location"].replace(str(client.base_url), "http://shop/")
        yield f"{method} {path}", response.status_code, headers, text


def test_step_by_step(project: Path, postgres: throwaway.Server, shop_dsn: None) -> None:
    files = {path: path.read_bytes() for path in project.rglob("*.py")}
    first = report(project)
    assert set(states(first).values()) == {"by hand"}
    assert first["counts"] == {"moved": 0, "by hand": 7, "nowhere": 0, "outside of the contract": 0}
    assert first["departures"] == {"breaking": 0, "risky": 0, "safe": 0}
    assert {path: path.read_bytes() for path in files} == files
    assert handfast("check", "--project", project).code == 0
    assert report(project)["written"] == []

    (project / "migrations/versions").mkdir(parents=True)
    (project / "migrations/env.py").write_text(ENVIRONMENT)
    (project / "migrations/versions/0001_items.py").write_text(MIGRATION)
    (project / "handlers/shop_api_api/tables.py").write_text(TABLES)

    # before any move: nothing can be told from the application itself
    with served(project, TARGET, dsns_of(postgres, project)) as client:
        bare = list(answers(client))
    with served(project, "adopted:app", dsns_of(postgres, project)) as client:
        assert list(answers(client)) == bare

    # one operation moves: its key becomes a scheme of the contract, its handler is written
    adopted, operations = project / "adopted.py", project / "handlers/shop_api_api/operations.py"
    contract = project / "specs/001-shop-api/contracts/api.yaml"
    splice(
        contract,
        "      operationId: createItem\n",
        "      operationId: createItem\n      security: [{key: []}]\n",
    )
    splice(contract, "components:\n", "components:\n" + SCHEME)
    (project / "authenticators.py").write_text(AUTHENTICATOR)
    splice(adopted, "from shop.main", "from handlers.shop_api_api import tables\nfrom shop.main")
    splice(adopted, "    authenticators=", "    tables=tables.metadata,\n    authenticators=")
    found, item = "operationId: getItem\n", "        '404': {description: No such item.}\n"
    head, mark, rest = contract.read_text(encoding="utf-8").partition(found)
    contract.write_text(head + mark + rest.replace("      responses:\n", "      responses:\n" + item, 1))
    assert handfast("generate", "--project", project).code == 0
    write(operations, "create_item", CREATE)
    second = report(project)
    assert [name for name, state in states(second).items() if state == "moved"] == ["createItem"]
    old = next(one for one in second["operations"] if one["operationId"] == "createItem")["route"]
    assert old["code"] == place(project / "shop/items.py", "create_item")
    assert old["dependencies"] == [place(project / "shop/items.py", "require_key")]
    assert second["next"][0] == f"delete what has been replaced: shop/items.py:{old['code']['line']}"
    with served(project, "adopted:app", dsns_of(postgres, project)) as client:
        moved = [comparable(one) for one in answers(client)]
    differing = [(was, now) for was, now in zip(bare, moved, strict=True) if was != now]
    assert [now[:2] for _, now in differing] == [
        ("POST /api/items", 422),  # "4" is no number; FastAPI had read it as one
        ("POST /api/items", 422),
        ("POST /api/items", 401),
        ("GET /api/items", 200),
        ("PUT /api/items", 405),
        ("HEAD /api/items", 405),
        ("OPTIONS /api/items", 405),
        ("GET /openapi.json", 200),
    ]
    texts = [json.loads(now[3] or "null") for _, now in differing]
    assert texts[0]["detail"][0]["loc"] == ["body", "price"]
    assert [one["type"] for one in texts[1]["detail"]] == ["required", "type"]
    assert texts[3] == [{"name": "tea", "price": 2.5, "id": 1}], "both hands use one table"
    assert {now[2].get("allow") for _, now in differing[4:7]} == {"GET, POST"}
    before, after = json.loads(differing[-1][0][3]), texts[-1]
    assert after["paths"]["/api/items"].pop("post")["security"] == [{"key": []}]
    assert before["paths"]["/api/items"].pop("post")
    assert after["paths"] == before["paths"]
    assert after["components"].pop("securitySchemes")["key"]["in"] == "header"

    # everything moves, and what it replaces is deleted
    for function, body in BODIES.items():
        write(operations, function, body)
    admin = project / "handlers/shop_api_admin/operations.py"
    write(admin, "stats", "    return {'orders': 3}\n")
    third = report(project)
    assert set(states(third).values()) == {"moved"}
    assert third["next"][0].count("shop/") == 7
    for file in (project / "shop/items.py", project / "shop/main.py"):
        file.write_text(without_operations(file.read_text(encoding="utf-8")))
    last = report(project)
    assert last["next"] == [
        "nothing is served by hand: write app.py with `create_app(...)`, and delete adopted.py"
    ]
    assert not any(one["route"] for one in last["operations"])
    assert handfast("adopt", TARGET, "--project", project, "--fail-on", "by-hand").code == 0
    with served(project, None, dsns_of(postgres, project)) as client:
        final = {name: answer for name, *answer in answers(client)}
        assert client.get("/api/items/featured", headers=KEY).json() == {"name": "featured"}
        assert client.get("/api/items/7", headers=KEY).status_code == 404
        assert client.get("/api/items/x", headers=KEY).status_code == 422
        assert client.get("/api/items/", headers=KEY, follow_redirects=True).json()[0]["name"] == "tea"
        for path, allowed in (("/api/items", "GET, POST"), ("/api/items/1", "DELETE, GET")):
            refused = client.put(path)
            assert (refused.status_code, refused.headers["allow"]) == (405, allowed)
            assert refused.json() == {"detail": "Method Not Allowed"}
        assert client.get("/static/a").text == "page /static/a"
        described = client.get("/openapi.json").json()["paths"]
        assert sum(map(len, described.values())) == 7
        assert client.get("/admin/stats").json() == {"orders": 3}
    assert final["GET /none"][0] == 404
