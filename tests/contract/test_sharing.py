"""Tasks shared with other users over real HTTP: owner, grantee and stranger, to the letter of spec.md."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.conftest import headers_of
from tests.contract.test_tasks import Headers, create

pytestmark = pytest.mark.threat("elevation.shared-access")


class Caller:
    """One user and what that user may ask of one task."""

    def __init__(self, client: httpx.Client) -> None:
        self.id = uuid4()
        self.headers = headers_of(self.id)
        self._client = client

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        return self._client.request(method, path, json=body, headers=self.headers)

    def share(self, task: dict[str, Any], user: UUID, access: str) -> httpx.Response:
        return self.ask("PUT", f"/api/tasks/{task['id']}/shares/{user}", {"access": access})


@pytest.fixture
def owner(client: httpx.Client) -> Caller:
    return Caller(client)


@pytest.fixture
def grantee(client: httpx.Client) -> Caller:
    return Caller(client)


@pytest.fixture
def stranger(client: httpx.Client) -> Caller:
    return Caller(client)


@pytest.fixture
def task(client: httpx.Client, owner: Caller) -> dict[str, Any]:
    return create(client, owner.headers, title="Shared", due_date="2027-01-31")


ON_A_TASK: dict[str, tuple[str, str, object]] = {
    "read": ("GET", "", None),
    "change": ("PATCH", "", {"title": "Changed"}),
    "move": ("PATCH", "", {"status": "in_progress"}),
    "complete": ("POST", "/complete", None),
    "delete": ("DELETE", "", None),
    "list shares": ("GET", "/shares", None),
    "share": ("PUT", "/shares/{other}", {"access": "write"}),
    "raise own share": ("PUT", "/shares/{grantee}", {"access": "write"}),
    "revoke": ("DELETE", "/shares/{grantee}", None),
}
ALLOWED = {
    "stranger": (),
    "read": ("read",),
    "write": ("read", "change", "move", "complete"),
    "owner": tuple(ON_A_TASK),
}


@pytest.mark.parametrize("what", ON_A_TASK)
@pytest.mark.parametrize("who", ALLOWED)
def test_who_may_what(
    owner: Caller, grantee: Caller, stranger: Caller, task: dict[str, Any], who: str, what: str
) -> None:
    assert owner.share(task, grantee.id, "write" if who == "write" else "read").status_code == 201
    caller = {"stranger": stranger, "owner": owner}.get(who, grantee)
    method, tail, body = ON_A_TASK[what]
    path = f"/api/tasks/{task['id']}{tail}".format(grantee=grantee.id, other=uuid4())
    answer = caller.ask(method, path, body)
    if what in ALLOWED[who]:
        assert answer.status_code in (200, 201, 204), answer.text
        return
    assert answer.status_code == 403, answer.text
    for secret in (task["title"], task["id"], str(owner.id), str(grantee.id)):
        assert secret not in answer.text
    assert owner.ask("GET", f"/api/tasks/{task['id']}").json() == task
    shares = owner.ask("GET", f"/api/tasks/{task['id']}/shares").json()["items"]
    assert [(share["user_id"], share["access"]) for share in shares] == [
        (str(grantee.id), "write" if who == "write" else "read")
    ]


@pytest.mark.parametrize("what", ON_A_TASK)
def test_an_unknown_task_is_404_for_everybody_and_401_without_a_token(
    client: httpx.Client, owner: Caller, grantee: Caller, task: dict[str, Any], what: str
) -> None:
    method, tail, body = ON_A_TASK[what]
    path = f"/api/tasks/{uuid4()}{tail}".format(grantee=grantee.id, other=uuid4())
    for caller in (owner, grantee):
        assert caller.ask(method, path, body).status_code == 404
    assert client.request(method, path, json=body).status_code == 401
    assert client.get("/api/shared-tasks").status_code == 401


def test_a_share_taken_back_ends_at_once(owner: Caller, grantee: Caller, task: dict[str, Any]) -> None:
    path = f"/api/tasks/{task['id']}"
    owner.share(task, grantee.id, "write")
    assert grantee.ask("PATCH", path, {"title": "By the grantee"}).status_code == 200
    assert owner.share(task, grantee.id, "read").json()["access"] == "read"
    assert grantee.ask("PATCH", path, {"title": "Again"}).status_code == 403
    assert grantee.ask("GET", path).json()["title"] == "By the grantee"
    assert owner.ask("DELETE", f"{path}/shares/{grantee.id}").status_code == 204
    assert grantee.ask("GET", path).status_code == 403
    assert grantee.ask("GET", "/api/shared-tasks").json() == {"items": [], "next_cursor": None}
    assert owner.ask("GET", f"{path}/shares").json()["items"] == []
    assert owner.ask("DELETE", f"{path}/shares/{grantee.id}").status_code == 204


def test_a_grantees_change_keeps_the_owner(owner: Caller, grantee: Caller, task: dict[str, Any]) -> None:
    owner.share(task, grantee.id, "write")
    changed = grantee.ask("PATCH", f"/api/tasks/{task['id']}", {"status": "in_progress"})
    assert (changed.status_code, changed.json()["user_id"]) == (200, str(owner.id))
    taken = grantee.ask("PATCH", f"/api/tasks/{task['id']}", {"user_id": str(grantee.id)})
    assert taken.status_code == 422


def test_own_lists_and_shared_lists_are_apart(
    client: httpx.Client, owner: Caller, grantee: Caller, stranger: Caller, task: dict[str, Any]
) -> None:
    mine = create(client, grantee.headers, title="Mine")
    owner.share(task, grantee.id, "read")
    owner.share(task, stranger.id, "write")
    assert [one["id"] for one in grantee.ask("GET", "/api/tasks").json()["items"]] == [mine["id"]]
    (shared,) = grantee.ask("GET", "/api/shared-tasks").json()["items"]
    assert shared.pop("shared_at")
    names = ("id", "user_id", "title", "status", "priority", "due_date")
    assert shared == {name: task[name] for name in names} | {"access": "read"}
    assert owner.ask("GET", "/api/shared-tasks").json()["items"] == []
    # The grantee learns of nobody else whom the task is shared with.
    assert str(stranger.id) not in grantee.ask("GET", "/api/shared-tasks").text


def test_shared_tasks_are_paged_newest_first(client: httpx.Client, owner: Caller, grantee: Caller) -> None:
    ids = []
    for number in range(5):
        made = create(client, owner.headers, title=f"Task {number}")
        owner.share(made, grantee.id, "read")
        ids.append(made["id"])
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = grantee.ask("GET", f"/api/shared-tasks?limit=2{cursor}").json()
        found += [item["id"] for item in page["items"]]
        cursor = None if page["next_cursor"] is None else f"&cursor={page['next_cursor']}"
    assert found == ids[::-1]


def test_shares_are_paged_in_order(owner: Caller, task: dict[str, Any]) -> None:
    users = sorted(str(uuid4()) for _ in range(5))
    for user in users:
        owner.share(task, UUID(user), "read")
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = owner.ask("GET", f"/api/tasks/{task['id']}/shares?limit=2{cursor}").json()
        found += [item["user_id"] for item in page["items"]]
        cursor = None if page["next_cursor"] is None else f"&cursor={page['next_cursor']}"
    assert found == users


def test_sharing_again_replaces_the_access(owner: Caller, grantee: Caller, task: dict[str, Any]) -> None:
    first = owner.share(task, grantee.id, "read")
    second = owner.share(task, grantee.id, "write")
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json() | {"access": "write"}
    assert owner.ask("GET", f"/api/tasks/{task['id']}/shares").json()["items"] == [second.json()]


def test_simultaneous_shares_make_one(owner: Caller, grantee: Caller, task: dict[str, Any]) -> None:
    with ThreadPoolExecutor(4) as pool:
        wanted = ["read", "write"] * 2
        answers = list(pool.map(lambda access: owner.share(task, grantee.id, access), wanted))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]


def test_there_is_nothing_to_share_with_oneself(owner: Caller, task: dict[str, Any]) -> None:
    answer = owner.share(task, owner.id, "read")
    assert (answer.status_code, answer.json()["code"]) == (409, "own_task")


def test_a_deleted_task_takes_its_shares_along(owner: Caller, grantee: Caller, task: dict[str, Any]) -> None:
    owner.share(task, grantee.id, "write")
    assert owner.ask("DELETE", f"/api/tasks/{task['id']}").status_code == 204
    assert grantee.ask("GET", f"/api/tasks/{task['id']}").status_code == 404
    assert grantee.ask("GET", "/api/shared-tasks").json()["items"] == []


@pytest.mark.threat("disclosure.account-enumeration")
def test_sharing_does_not_tell_who_has_an_account(
    owner: Caller, grantee: Caller, task: dict[str, Any]
) -> None:
    known: Headers = dict(owner.share(task, grantee.id, "read").headers)
    unknown: Headers = dict(owner.share(task, uuid4(), "read").headers)
    for headers in (known, unknown):
        headers.pop("date")
        headers.pop("x-correlation-id")
    assert known == unknown
