"""Services that Handfast has nothing to do with: other names, other ids, other ways to say who calls."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Annotated, Any
from uuid import UUID, uuid4

import jwt
import pytest
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from jwt.types import Options
from pydantic import BaseModel, ConfigDict, Field

from handfast.fuzz.http import HttpSurface
from handfast.fuzz.report import Report
from tests.conftest import SECRET, live
from tests.fuzz.kit import fuzz, planted

REFUSALS: dict[int | str, dict[str, Any]] = {404: {"description": "Unknown."}, 401: {"description": "Who?"}}


def user_of_key(sent: Annotated[str, Depends(APIKeyHeader(name="X-API-Key"))]) -> str:
    try:
        return str(UUID(sent))
    except ValueError:
        raise HTTPException(401) from None


def user_of_token(
    sent: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())], request: Request
) -> str:
    try:
        options: Options = {"require": ["exp", "sub"]}
        claims = jwt.decode(sent.credentials, SECRET, algorithms=["HS256"], options=options)
    except jwt.PyJWTError:
        raise HTTPException(401) from None
    if not claims["sub"] or len(request.headers.getlist("authorization")) > 1:
        raise HTTPException(401)
    return str(claims["sub"])


KeyUser = Annotated[str, Depends(user_of_key)]
TokenUser = Annotated[str, Depends(user_of_token)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ProjectIn(Strict):
    projectName: str = Field(min_length=1, max_length=60)  # noqa: N815 - camel case is what is tested
    priority: int = Field(default=1, ge=1, le=5)


class TaskIn(Strict):
    summary: str = Field(min_length=1, max_length=60)


def projects(hole: str) -> FastAPI:
    """Camel case, whole numbers as ids that count up for everybody, nested paths, an API key."""
    app = FastAPI(title="Projects")
    numbers = count(1)
    stored: dict[int, dict[str, Any]] = {}

    def owned(number: int, who: str, *, checked: bool = True) -> dict[str, Any]:
        found = stored.get(number)
        if found is None or (checked and found["owner"] != who):
            raise HTTPException(404)
        return found

    def shown(found: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in found.items() if name != "owner"}

    def add(who: str, values: dict[str, Any]) -> dict[str, Any]:
        number = next(numbers)
        stored[number] = values | {"owner": who}
        return stored[number]

    @app.post("/api/v2/projects", status_code=201, responses=REFUSALS)
    def create(who: KeyUser, body: ProjectIn) -> dict[str, Any]:
        made = add(who, body.model_dump())
        made["projectId"] = next(number for number, one in stored.items() if one is made)
        return shown(made)

    @app.get("/api/v2/projects", responses=REFUSALS)
    def listed(who: KeyUser) -> list[dict[str, Any]]:
        mine = [one for one in stored.values() if "projectId" in one and "taskId" not in one]
        return [shown(one) for one in mine if one["owner"] == who]

    @app.get("/api/v2/projects/{projectId}", responses=REFUSALS)
    def read(who: KeyUser, projectId: int) -> dict[str, Any]:  # noqa: N803 - the same
        return shown(owned(projectId, who, checked=hole != "unchecked-read"))

    @app.post("/api/v2/projects/{projectId}/tasks", status_code=201, responses=REFUSALS)
    def create_task(who: KeyUser, projectId: int, body: TaskIn) -> dict[str, Any]:  # noqa: N803 - the same
        owned(projectId, who, checked=hole != "task-in-any-project")
        made = add(who, body.model_dump() | {"projectId": projectId})
        made["taskId"] = next(number for number, one in stored.items() if one is made)
        return shown(made)

    @app.get("/api/v2/projects/{projectId}/tasks/{taskId}", responses=REFUSALS)
    def read_task(who: KeyUser, projectId: int, taskId: int) -> dict[str, Any]:  # noqa: N803 - the same
        owned(projectId, who)
        found = owned(taskId, who, checked=hole != "only-the-parent-is-checked")
        return shown(found)

    @app.delete("/api/v2/projects/{projectId}/tasks/{taskId}", status_code=204, responses=REFUSALS)
    def delete_task(who: KeyUser, projectId: int, taskId: int) -> None:  # noqa: N803 - the same
        owned(projectId, who)
        owned(taskId, who)
        del stored[taskId]

    return app


class FileIn(Strict):
    file_name: str = Field(min_length=1, max_length=100)


def files(hole: str) -> FastAPI:
    """Ids in a query, told by `Location` alone; bearer tokens; only 404 is declared."""
    app = FastAPI(title="Files")
    stored: dict[str, tuple[str, str]] = {}
    numbers = count(1000)

    @app.post("/files", status_code=201, responses=REFUSALS)
    def create(who: TokenUser, body: FileIn, response: Response) -> None:
        key = f"F{next(numbers)}-{who[:6]}"
        stored[key] = who, body.file_name
        response.headers["Location"] = f"/file?file_id={key}" if hole == "odd-location" else f"/files/{key}"

    @app.get("/file", responses=REFUSALS)
    def read(who: TokenUser, file_id: Annotated[str, Query(min_length=4, max_length=40)]) -> dict[str, str]:
        owner, name = stored.get(file_id, ("", ""))
        if owner != who and (hole != "unchecked-query" or not owner):
            raise HTTPException(404)
        return {"file_name": name}

    @app.get("/files", responses=REFUSALS)
    def listed(who: TokenUser, response: Response) -> list[str]:
        if hole == "header":
            response.headers["X-Last-File"] = list(stored.values())[-1][1].encode("ascii", "replace").decode()
        return [name for owner, name in stored.values() if owner == who]

    @app.delete("/file", status_code=204, responses=REFUSALS)
    def delete(who: TokenUser, file_id: Annotated[str, Query(min_length=4, max_length=40)]) -> None:
        owner, _ = stored.get(file_id, ("", ""))
        if hole == "deleted-though-refused":
            stored.pop(file_id, None)
        if owner != who:
            raise HTTPException(404)
        stored.pop(file_id, None)

    return app


class NoteIn(Strict):
    text: str = Field(min_length=1, max_length=60)


class ShareIn(Strict):
    note_id: UUID
    user_id: UUID


def notes(hole: str) -> FastAPI:
    """Notes that their owners share with other users, by a path and by a body."""
    app = FastAPI(title="Shared notes")
    stored: dict[UUID, dict[str, str]] = {}
    readers: dict[UUID, set[str]] = {}

    def owned(key: UUID, who: str) -> dict[str, str]:
        if key not in stored or (stored[key]["user_id"] != who and hole != "anybody-shares"):
            raise HTTPException(404)
        return stored[key]

    @app.post("/notes", status_code=201, responses=REFUSALS)
    def create(who: KeyUser, body: NoteIn) -> dict[str, str]:
        key = uuid4()
        stored[key] = {"id": str(key), "user_id": who, "text": body.text}
        readers[key] = {who}
        return stored[key]

    @app.get("/notes", responses=REFUSALS)
    def listed(who: KeyUser) -> list[dict[str, str]]:
        return [one for key, one in stored.items() if who in readers[key]]

    @app.get("/notes/{note_id}", responses=REFUSALS)
    def read(who: KeyUser, note_id: UUID) -> dict[str, str]:
        if who not in readers.get(note_id, ()):
            raise HTTPException(404)
        return stored[note_id]

    @app.put("/notes/{note_id}/shares/{user_id}", status_code=204, responses=REFUSALS)
    def share(who: KeyUser, note_id: UUID, user_id: UUID) -> None:
        owned(note_id, who)
        readers[note_id].add(str(user_id))

    @app.post("/shares", status_code=201, responses=REFUSALS)
    def share_by_body(who: KeyUser, body: ShareIn) -> dict[str, str]:
        owned(body.note_id, who)
        readers[body.note_id].add(str(body.user_id))
        return {"id": str(uuid4()), "note_id": str(body.note_id), "user_id": str(body.user_id)}

    return app


ALWAYS = {"only-the-parent-is-checked-access", "unchecked-query-access", "anybody-shares-reference"}
"""One of each service."""


def run(app: FastAPI, *, calls: int) -> Report:
    with live(app) as url:
        surface = HttpSurface(url)
        try:
            return fuzz(surface, calls=calls)
        finally:
            surface.close()


@pytest.mark.threat("disclosure.isolation-hole-goes-unnoticed")
@pytest.mark.parametrize(
    ("make", "calls"),
    [(projects, 700), *(pytest.param(one, 900, marks=pytest.mark.long) for one in (files, notes))],
)
def test_a_sound_service_gives_no_finding(make: Callable[[str], FastAPI], calls: int) -> None:
    report = run(make(""), calls=calls)
    assert not report.findings, "\n".join(map(str, report.findings))


@pytest.mark.threat("disclosure.isolation-hole-goes-unnoticed")
@pytest.mark.parametrize(
    ("make", "hole", "oracle", "label"),
    [
        pytest.param(
            *one,
            marks=planted(f"{one[1]}-{one[2]}", always=f"{one[1]}-{one[2]}" in ALWAYS),
        )
        for one in [
            (projects, "unchecked-read", "access", "GET /api/v2/projects/{projectId}"),
            (projects, "task-in-any-project", "access", "POST /api/v2/projects/{projectId}/tasks"),
            (
                projects,
                "only-the-parent-is-checked",
                "access",
                "GET /api/v2/projects/{projectId}/tasks/{taskId}",
            ),
            (files, "unchecked-query", "access", "GET /file"),
            (files, "header", "marker", "GET /files"),
            (files, "deleted-though-refused", "unchanged", "DELETE /file"),
            (notes, "anybody-shares", "access", "PUT /notes/{note_id}/shares/{user_id}"),
            (notes, "anybody-shares", "reference", "POST /shares"),
        ]
    ],
)
def test_a_hole_is_caught(make: Callable[[str], FastAPI], hole: str, oracle: str, label: str) -> None:
    report = run(make(hole), calls=350)
    found = {(one.oracle, one.where.partition(" (")[0]) for one in report.findings if one.fatal}
    assert (oracle, label) in found, "\n".join(map(str, report.findings))
