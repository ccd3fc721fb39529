"""`handfast adopt`: what it reports, what it writes, and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from handfast.cli.looking import Unseen, seen, shown
from tests.adopt.kit import splice
from tests.unit.cli_kit import Ran, as_it_was, handfast

APP = """\
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header
from pydantic import BaseModel


class Pet(BaseModel):
    name: str
    age: int | None = None


def caller(x_user: Annotated[str, Header()]) -> str:
    return x_user


pets = APIRouter(prefix="/v1/pets", dependencies=[Depends(caller)])


@pets.get("/{number}")
def get_pet(number: int) -> Pet:
    return Pet(name="Rex")


@pets.get("/{name}", include_in_schema=False)
def by_name(name: str) -> Pet:
    return Pet(name=name)


@pets.post("")
def add_pet(pet: Pet) -> Pet:
    return pet


def create_app() -> FastAPI:
    app = FastAPI()
    app.include_router(pets)

    @app.get("/v1/owners/")
    def owners() -> list[str]:
        return []

    @app.get("/v1/things")
    def things():
        return []

    @app.get("/internal", include_in_schema=False)
    def internal() -> None: ...

    return app


app = create_app()
"""
CONTRACT = """\
openapi: 3.1.0
info: {title: Pets, version: 1.0.0}
servers: [{url: https://example.com/v1}]
paths:
  /pets/{petId}:
    get:
      operationId: getPet
      parameters:
        - {name: petId, in: path, required: true, schema: {type: integer}}
      responses:
        '200':
          description: A pet.
          content:
            application/json:
              schema:
                type: object
                required: [name, age]
                properties: {name: {type: string}, age: {type: integer}}
  /pets:
    post:
      operationId: addPet
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [name]
              properties: {name: {type: [string, integer]}}
      responses:
        '200': {description: Stored.}
  /owners:
    get:
      operationId: listOwners
      responses:
        '200': {description: Owners.}
  /things:
    get:
      operationId: listThings
      security: [{key: []}]
      responses:
        '200':
          description: Things.
          headers: {X-Count: {required: true, schema: {type: integer}}}
          content: {application/json: {schema: {type: array, items: {type: string}}}}
components:
  securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with an application and a contract beside it."""
    project = tmp_path / "pets"
    (project / "shop").mkdir(parents=True)
    (project / "shop/__init__.py").touch()
    (project / "shop/main.py").write_text(APP)
    (project / "api.yaml").write_text(CONTRACT)
    return project


def adopt(folder: Path, target: str = "shop.main:app", *more: str | Path) -> Ran:
    return handfast("adopt", target, "--project", folder, *more)


def paths(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in found}


def line(text: str, part: str) -> int:
    """The line of `text` in which `part` stands."""
    (found,) = [number for number, one in enumerate(text.splitlines(), 1) if part in one]
    return found


@pytest.mark.threat("elevation.guard-left-behind")
def test_a_contract_that_the_application_does_not_keep(folder: Path) -> None:
    before = paths(folder)
    ran = adopt(folder, "shop.main:app", "--contract", folder / "api.yaml", "--json", "--dry-run")
    assert (ran.code, paths(folder)) == (0, before), "nothing was written"
    found = ran.json
    assert found["counts"] == {"moved": 0, "by hand": 3, "nowhere": 1, "outside of the contract": 2}
    get, add, owners, things = found["operations"]
    assert get["route"]["code"] == {
        "name": "get_pet",
        "file": "shop/main.py",
        "line": line(APP, "def get_pet"),
    }
    assert [one["code"]["name"] for one in get["shadowed"]] == ["by_name"]
    assert [one["name"] for one in get["route"]["dependencies"]] == ["caller"]
    assert get["contract"]["line"] == line(CONTRACT, "operationId: getPet") - 1
    rules = {(one["rule"], one["severity"], one["direction"]) for one in get["departures"]}
    assert ("property-became-optional", "breaking", "response") in rules
    assert "breaking" in {one["severity"] for one in add["departures"] if one["direction"] == "request"}
    place = get["route"]["code"]
    assert {(one["new"]["file"], one["new"]["line"]) for one in get["departures"]} == {
        (place["file"], place["line"])
    }
    assert "error-added" not in {one["rule"] for one in get["departures"]}, "FastAPI's own 422"
    assert [(one["rule"], one["severity"]) for one in things["departures"]] == [
        ("required-header-removed", "breaking"),
        ("security-removed", "risky"),
        ("type-added", "risky"),  # it has no return annotation, and may answer what it should
    ]
    assert "does not say what is answered" in things["departures"][-1]["what"]
    assert owners["state"] == "nowhere"
    assert owners["near"]["path"] == "/v1/owners/"
    assert [one["path"] for one in found["uncontracted"]] == ["/v1/owners/", "/internal"]
    assert (
        adopt(folder, "shop.main:app", "--contract", folder / "api.yaml", "--fail-on", "breaking").code == 1
    )


def test_a_set_up_changes_nothing_that_is_there(folder: Path) -> None:
    (folder / "handlers").mkdir()
    (folder / "handlers/__init__.py").write_text('"""Mine."""\n')
    (folder / "authenticators.py").write_text("authenticators = {}  # mine\n")
    before = {path: (folder / path).read_bytes() for path in paths(folder)}
    ran = adopt(folder, "shop.main:create_app", "--contract", folder / "api.yaml", "--json")
    assert ran.code == 0, ran.out + ran.err
    assert {path: (folder / path).read_bytes() for path in before} == before
    assert set(ran.json["written"]) == paths(folder) - before.keys()
    assert "    existing(),\n" in (folder / "adopted.py").read_text()
    assert handfast("check", "--project", folder).code == 0
    text = adopt(folder).out
    assert "get_pet` in" not in text
    number = line(APP, "def get_pet")
    assert f"GET /pets/{{petId}}: by hand, shop/main.py:{number} `get_pet`\n" in text
    assert "  contract: specs/001-pets/contracts/api.yaml:6:5\n" in text
    assert "  departs: breaking: response: " in text
    assert "GET /owners: nowhere, no route and no handler\n" in text
    assert "  near: shop/main.py:" in text
    assert "GET /internal: outside of the contract" in text
    assert "\n0 moved, 3 by hand, 1 nowhere, 2 outside of the contract\n" in text
    table = adopt(folder, "shop.main:app", "--format", "markdown").out
    assert f"| `GET /pets/{{petId}}` | by hand | `shop/main.py:{number}` |" in table
    refused = adopt(folder, "shop.main:app", "--contract", folder / "api.yaml")
    assert (refused.code, "has contracts already" in refused.err) == (2, True)
    again = adopt(folder, "adopted:app", "--dry-run")
    assert again.code == 0, "while nothing has moved, it is the application itself"
    (folder / "adopted.py").rename(folder / "app.py")
    adopt(folder)
    assert not (folder / "adopted.py").exists(), "the project has a root of its own in the end"
    (folder / "app.py").rename(folder / "other.py")
    assert adopt(folder, "shop.main:app", "--json").json["written"] == ["adopted.py"]


@pytest.mark.threat("elevation.guard-left-behind")
def test_what_has_moved_is_told_before_the_old_route_is_deleted(folder: Path) -> None:
    assert adopt(folder, "shop.main:app", "--contract", folder / "api.yaml").code == 0
    operations = folder / "handlers/pets/operations.py"
    head, _, tail = operations.read_text().partition("    raise NotWritten\n")
    operations.write_text(
        f"{head}    if pet_id:\n        raise NotWritten\n    return GetPetResponse()\n{tail}"
    )
    text = adopt(folder).out
    assert "GET /pets/{petId}: moved, handlers/pets/operations.py:" in text
    assert "`get_pet` gets nothing any more and can be deleted" in text
    assert "depends: caller (shop/main.py:" in text
    assert "1 moved, 2 by hand, 1 nowhere" in text
    refused = adopt(folder, "adopted:app", "--dry-run")
    assert refused.code == 2
    assert "is the adopted application already" in refused.err
    operations.write_text("from elsewhere import *\n")
    assert "cannot be read: a wildcard import" in adopt(folder).out
    splice(folder / "adopted.py", "from generated.pets.routes import build_router as pets", "")
    text = adopt(folder).out
    assert "give `adopt` in adopted.py the router of generated.pets.routes, too" in text
    assert "0 moved, 3 by hand, 1 nowhere" in text


MODULES = {
    "bad": "number = 1\ndef make():\n    return 1\nasync def amake():\n    return 1\n\n"
    "def fail():\n    print('noise')\n    raise ValueError('no luck')\n",
    "raises": "1 / 0\n",
    "needs": "import not_there\n",
    "ends": "raise SystemExit(3)\n",
    "wrong": "\ndef (:\n",
    "dies": "import os, sys\nprint('farewell', flush=True)\nos._exit(4)\n",
    "sleeps": "import time\ntime.sleep(60)\n",
    "quiet": "from fastapi import FastAPI\napp = FastAPI()\n",
    "makes": "from __future__ import annotations\nfrom fastapi import FastAPI\n"
    "def make() -> FastAPI: ...\ndef wants(it: int) -> FastAPI: ...\n",
    "schema": "from fastapi import FastAPI\napp = FastAPI()\napp.openapi = lambda: len(None)\n",
}


@pytest.fixture
def faulty(folder: Path) -> Path:
    """The repository with modules that cannot be adopted."""
    for name, text in MODULES.items():
        (folder / f"shop/{name}.py").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("target", "where", "said"),
    [
        ("shop.nothing:app", "", "there is no module shop.nothing"),
        ("none:app", "", "there is no module none"),
        ("shop.main:api", "", "shop.main has no `api`"),
        ("shop.main:pets", "", "shop.main:pets is a APIRouter, not a FastAPI application"),
        ("shop.main:caller", "", "shop.main:caller is a function, not a FastAPI application"),
        ("shop.main:FastAPI", "", "shop.main:FastAPI is a type, not a FastAPI application"),
        ("shop.bad:number", "", "shop.bad:number is a int, not a FastAPI application"),
        ("shop.bad:make", "", "shop.bad:make() returns a int, not a FastAPI application"),
        ("shop.bad:amake", "", "shop.bad:amake() returns a coroutine, not a FastAPI application"),
        ("shop.bad:fail", "shop/bad.py:9", "shop.bad:fail() fails: ValueError: no luck"),
        ("shop.needs:app", "shop/needs.py:1", "shop.needs cannot be imported: ModuleNotFoundError"),
        ("shop.ends:app", "shop/ends.py:1", "shop.ends cannot be imported: SystemExit: 3"),
        ("shop.wrong:app", "shop/wrong.py:2", "shop.wrong cannot be imported: SyntaxError"),
        ("shop.schema:app", "shop/schema.py:3", "the OpenAPI document of shop.schema:app cannot be derived"),
    ],
)
def test_an_application_that_cannot_be_seen(faulty: Path, target: str, where: str, said: str) -> None:
    with as_it_was(), pytest.raises(Unseen) as raised:
        shown(target, faulty)
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]
    assert raised.value.what.startswith(said)
    assert raised.value.where == where
    assert raised.value.fix


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("shop.quiet:application", "name the application: `app`"),
        ("shop.makes:app", "name the application: `make`"),
        ("shop.bad:app", "name the application: none here is a FastAPI application"),
    ],
)
def test_an_application_that_is_called_otherwise(faulty: Path, target: str, named: str) -> None:
    with as_it_was(), pytest.raises(Unseen) as raised:
        shown(target, faulty)
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]
    assert raised.value.fix == named


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        ("shop", 2, "'shop' does not name an application"),
        ("shop.quiet:app", 2, "shop.quiet:app describes no operation that could be adopted"),
        ("shop.raises:app", 1, "shop/raises.py:1:1: shop.raises cannot be imported: ZeroDivisionError"),
        ("shop.dies:app", 3, "importing shop.dies:app ended the process (exit code 4); it said: farewell"),
    ],
)
def test_an_application_that_cannot_be_adopted(faulty: Path, target: str, code: int, said: str) -> None:
    before = paths(faulty)
    ran = adopt(faulty, target)
    assert (ran.code, paths(faulty)) == (code, before)
    assert said in ran.out + ran.err
    assert "fix: " in ran.out + ran.err


def test_an_import_that_does_not_end(faulty: Path) -> None:
    with pytest.raises(Unseen, match="takes longer than 0 seconds"):
        seen("shop.sleeps:app", faulty, limit=0.3)


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("handlers.py", "a module `handlers` of its own"),
        ("generated", "generated is a file"),
        ("contracts/openapi.yaml", "contracts/openapi.yaml:1:1"),
    ],
)
def test_names_that_are_taken(folder: Path, there: str, said: str) -> None:
    (folder / there).parent.mkdir(parents=True, exist_ok=True)
    (folder / there).write_text("mine\n")
    before = paths(folder)
    ran = adopt(folder, "shop.main:app", "--contract", folder / "api.yaml")
    assert ran.code in (1, 2)
    assert said in ran.out + ran.err
    assert paths(folder) == before


def test_a_contract_with_faults_is_told_and_nothing_is_written(folder: Path) -> None:
    (folder / "api.yaml").write_text(CONTRACT.replace("operationId: addPet", "operationId: getPet"))
    before = paths(folder)
    ran = adopt(folder, "shop.main:app", "--contract", folder / "api.yaml")
    assert (ran.code, paths(folder)) == (1, before)
    assert f"{folder / 'api.yaml'}:" in ran.out, "the place in the file that was given"
    assert "nothing was written" in ran.out


def test_operation_ids_that_stand_twice_do_not_spoil_the_first_contract(folder: Path) -> None:
    (folder / "shop/twice.py").write_text(
        "from fastapi import FastAPI\n"
        "app, inner = FastAPI(), FastAPI()\n"
        "@app.get('/a', operation_id='same')\ndef a() -> None: ...\n"
        "@app.get('/b', operation_id='same')\ndef b() -> None: ...\n"
        "@inner.get('/c', operation_id='same')\ndef c() -> None: ...\n"
        "app.mount('/in/side', inner)\n"
    )
    ran = adopt(folder, "shop.twice:app", "--json")
    assert ran.code == 0, ran.out + ran.err
    assert ran.json["counts"]["by hand"] == 3
    assert {"specs/001-pets/contracts/api.yaml", "specs/001-pets/contracts/in-side.yaml"} <= paths(folder)
    names: list[Any] = [one["operation"] for one in ran.json["operations"]]
    assert sorted(names) == ["GET /a", "GET /b", "GET /in/side/c"]
