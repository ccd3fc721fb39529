"""The reference contract over real HTTP on real PostgreSQL: what each operation promises."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

Headers = dict[str, str]


def create(client: httpx.Client, headers: Headers, **body: object) -> dict[str, Any]:
    """Create a task and return it."""
    answer = client.post("/api/tasks", json={"title": "Test Task"} | body, headers=headers)
    assert answer.status_code == 201, answer.text
    task: dict[str, Any] = answer.json()
    return task


def test_create_task(client: httpx.Client, auth_headers: Headers) -> None:
    response = client.post(
        "/api/tasks",
        json={"title": "Test Task", "description": "Test description", "priority": "high"},
        headers=auth_headers,
    )
    assert response.status_code == 201
    data = response.json()
    assert data["title"] == "Test Task"
    assert data["priority"] == "high"
    assert data["status"] == "todo"
    assert "id" in data
    assert "user_id" in data


@pytest.mark.threat("spoofing.no-credentials")
def test_create_task_without_a_token(client: httpx.Client) -> None:
    response = client.post("/api/tasks", json={"title": "Test Task"})
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert response.headers["content-type"] == "application/problem+json"


def test_create_task_with_an_empty_title(client: httpx.Client, auth_headers: Headers) -> None:
    response = client.post("/api/tasks", json={"title": ""}, headers=auth_headers)
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert (error["location"], error["pointer"], error["keyword"]) == ("body", "/title", "minLength")


@pytest.mark.threat("disclosure.input-echoed")
def test_every_violation_is_reported_and_no_value_is_echoed(
    client: httpx.Client, auth_headers: Headers
) -> None:
    body = {"title": "", "priority": "hunter2-urgent", "due_date": "tomorrow", "colour": "red"}
    response = client.post("/api/tasks", json=body, headers=auth_headers)
    assert response.status_code == 422
    places = {(error["pointer"], error["keyword"]) for error in response.json()["errors"]}
    assert {("/title", "minLength"), ("/priority", "enum"), ("/due_date", "format")} <= places
    assert any(keyword == "additionalProperties" for _, keyword in places)
    assert "hunter2" not in response.text


def test_a_number_is_not_a_title(client: httpx.Client, auth_headers: Headers) -> None:
    assert client.post("/api/tasks", json={"title": 1}, headers=auth_headers).status_code == 422


@pytest.mark.parametrize("body", ["{", "[]", "null", '"title"', '{"title": "a", "title": 1}'])
def test_a_body_that_is_no_task_is_refused(client: httpx.Client, auth_headers: Headers, body: str) -> None:
    headers = auth_headers | {"content-type": "application/json"}
    assert client.post("/api/tasks", content=body, headers=headers).status_code == 422


def test_another_media_type_is_refused(client: httpx.Client, auth_headers: Headers) -> None:
    headers = auth_headers | {"content-type": "text/plain"}
    assert client.post("/api/tasks", content="title", headers=headers).status_code == 415


def test_get_returns_what_was_created(client: httpx.Client, auth_headers: Headers) -> None:
    task = create(client, auth_headers, due_date="2027-01-31")
    answer = client.get(f"/api/tasks/{task['id']}", headers=auth_headers)
    assert answer.status_code == 200
    assert answer.json() == task
    assert task["due_date"] == "2027-01-31"
    assert task["completed_at"] is None


def test_unknown_and_malformed_ids(client: httpx.Client, auth_headers: Headers) -> None:
    assert client.get(f"/api/tasks/{uuid4()}", headers=auth_headers).status_code == 404
    answer = client.get("/api/tasks/seven", headers=auth_headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "path"


def test_patch_leaves_absent_properties_and_empties_null_ones(
    client: httpx.Client, auth_headers: Headers
) -> None:
    task = create(client, auth_headers, description="old", due_date="2027-01-31", priority="low")
    path = f"/api/tasks/{task['id']}"
    changed = client.patch(path, json={"description": None}, headers=auth_headers).json()
    assert changed["description"] is None
    assert changed["due_date"] == "2027-01-31"
    assert changed["priority"] == "low"
    assert changed["title"] == task["title"]
    assert changed["updated_at"] > task["updated_at"]
    assert client.get(path, headers=auth_headers).json() == changed
    assert client.patch(path, json={"title": None}, headers=auth_headers).status_code == 422


def test_patch_changes_every_property(client: httpx.Client, auth_headers: Headers) -> None:
    task = create(client, auth_headers)
    wanted = {
        "title": "New",
        "description": "d",
        "priority": "high",
        "due_date": "2028-02-29",
        "status": "in_progress",
    }
    changed = client.patch(f"/api/tasks/{task['id']}", json=wanted, headers=auth_headers).json()
    assert {name: changed[name] for name in wanted} == wanted


def test_delete_removes_the_task(client: httpx.Client, auth_headers: Headers) -> None:
    path = f"/api/tasks/{create(client, auth_headers)['id']}"
    answer = client.delete(path, headers=auth_headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(path, headers=auth_headers).status_code == 404
    assert client.delete(path, headers=auth_headers).status_code == 404


STATUSES = ["todo", "in_progress", "done"]
ALLOWED = {
    ("todo", "in_progress"),
    ("todo", "done"),
    ("in_progress", "todo"),
    ("in_progress", "done"),
    ("done", "todo"),
}
"""The table of data-model.md."""


@pytest.mark.parametrize("old", STATUSES)
@pytest.mark.parametrize("new", STATUSES)
def test_status_moves_only_along_the_transitions(
    client: httpx.Client, auth_headers: Headers, old: str, new: str
) -> None:
    task = create(client, auth_headers)
    path = f"/api/tasks/{task['id']}"
    if old != "todo":
        client.patch(path, json={"status": old}, headers=auth_headers)
    answer = client.patch(path, json={"status": new, "title": "Moved"}, headers=auth_headers)
    stored = client.get(path, headers=auth_headers).json()
    if (old, new) in ALLOWED or old == new:
        assert answer.status_code == 200
        assert (stored["status"], stored["title"]) == (new, "Moved")
    else:
        assert answer.status_code == 409
        assert answer.json()["code"] == "wrong_status"
        assert (stored["status"], stored["title"]) == (old, "Test Task")
    assert (stored["completed_at"] is not None) == (stored["status"] == "done")


def test_complete_once(client: httpx.Client, auth_headers: Headers) -> None:
    path = f"/api/tasks/{create(client, auth_headers)['id']}"
    done = client.post(f"{path}/complete", headers=auth_headers)
    assert done.status_code == 200
    assert done.json()["status"] == "done"
    assert done.json()["completed_at"] is not None
    assert client.post(f"{path}/complete", headers=auth_headers).status_code == 409


def listed(client: httpx.Client, headers: Headers, **query: object) -> list[str]:
    """Titles of all pages, with the page size that `query` gives."""
    titles: list[str] = []
    params = {name: str(value) for name, value in query.items()}
    for _ in range(50):
        answer = client.get("/api/tasks", params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        titles += [task["title"] for task in page["items"]]
        if page["next_cursor"] is None:
            return titles
        params["cursor"] = page["next_cursor"]
    raise AssertionError("the pages do not end")


def test_list_filters(client: httpx.Client, new_user: Headers) -> None:
    day = date(2027, 6, 1)
    for number, (priority, offset) in enumerate([("low", 0), ("medium", 1), ("high", 2), ("high", None)]):
        due = None if offset is None else str(day + timedelta(days=offset))
        create(client, new_user, title=f"t{number}", priority=priority, due_date=due)
    assert sorted(listed(client, new_user)) == ["t0", "t1", "t2", "t3"]
    assert sorted(listed(client, new_user, priority="high")) == ["t2", "t3"]
    assert sorted(listed(client, new_user, due_from="2027-06-02")) == ["t1", "t2"]
    assert sorted(listed(client, new_user, due_from="2027-06-02", due_to="2027-06-02")) == ["t1"]
    assert listed(client, new_user, due_from="2027-06-02", due_to="2027-06-01") == []
    assert listed(client, new_user, status="done") == []


@pytest.mark.parametrize("sort", ["created_at", "due_date", "priority"])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_cover_the_list_once_in_order(
    client: httpx.Client, new_user: Headers, sort: str, limit: int
) -> None:
    for number in range(7):
        due = None if number % 3 == 0 else f"2027-01-{10 + number % 2:02}"
        create(
            client, new_user, title=f"t{number}", due_date=due, priority=["low", "medium", "high"][number % 3]
        )
    up = listed(client, new_user, sort=sort, order="asc", limit=limit)
    down = listed(client, new_user, sort=sort, order="desc", limit=limit)
    assert sorted(up) == [f"t{number}" for number in range(7)]
    assert down == up[::-1]
    if sort == "created_at":
        assert up == [f"t{number}" for number in range(7)]
    if sort == "priority":
        assert [int(title[1]) % 3 for title in up] == [0, 0, 0, 1, 1, 2, 2]
    if sort == "due_date":
        assert {int(title[1]) % 3 for title in up[4:]} == {0}


def test_a_page_does_not_shift_when_tasks_come_and_go(client: httpx.Client, new_user: Headers) -> None:
    ids = [create(client, new_user, title=f"t{number}")["id"] for number in range(4)]
    page = client.get("/api/tasks", params={"limit": 2}, headers=new_user).json()
    assert [task["title"] for task in page["items"]] == ["t3", "t2"]
    create(client, new_user, title="late")
    client.delete(f"/api/tasks/{ids[2]}", headers=new_user)
    rest = client.get(
        "/api/tasks", params={"limit": 2, "cursor": page["next_cursor"]}, headers=new_user
    ).json()
    assert [task["title"] for task in rest["items"]] == ["t1", "t0"]


@pytest.mark.parametrize("cursor", ["0" * 48, "f" * 48, "0" * 16 + "f" * 32, "00000000000000ff" + "0" * 32])
@pytest.mark.parametrize("sort", ["created_at", "due_date", "priority"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_every_well_formed_cursor_is_a_position(
    client: httpx.Client, auth_headers: Headers, cursor: str, sort: str, order: str
) -> None:
    answer = client.get(
        "/api/tasks", params={"cursor": cursor, "sort": sort, "order": order}, headers=auth_headers
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=ten",
        "limit=1&limit=2",
        "status=open",
        "cursor=x",
        "due_from=01.02.2027",
        "sort=",
    ],
)
def test_bad_queries_are_refused(client: httpx.Client, auth_headers: Headers, query: str) -> None:
    answer = client.get(f"/api/tasks?{query}", headers=auth_headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "query"


def test_unknown_method_and_path(client: httpx.Client, auth_headers: Headers) -> None:
    answer = client.put("/api/tasks", headers=auth_headers)
    assert answer.status_code == 405
    assert {method.strip() for method in answer.headers["allow"].split(",")} == {"GET", "POST"}
    assert client.get("/api/nothing", headers=auth_headers).status_code == 404


def test_ids_and_times_are_what_the_contract_says(
    client: httpx.Client, auth_headers: Headers, user_id: UUID
) -> None:
    task = create(client, auth_headers)
    assert UUID(task["user_id"]) == user_id
    assert str(UUID(task["id"])) == task["id"]
    assert task["created_at"] == task["updated_at"]
    assert task["created_at"].endswith("Z")
