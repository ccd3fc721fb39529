"""Two users, every operation: what one owns, the other neither sees nor changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest

from tests.contract.test_tasks import Headers, create

CALLS = [
    ("GET", "", None),
    ("PATCH", "", {"title": "Mine now"}),
    ("PATCH", "", {"status": "done"}),
    ("DELETE", "", None),
    ("POST", "/complete", None),
]


@pytest.mark.parametrize(("method", "tail", "body"), CALLS)
@pytest.mark.threat("elevation.another-users-row")
def test_another_users_task_is_forbidden_and_stays(
    client: httpx.Client, auth_headers: Headers, new_user: Headers, method: str, tail: str, body: object
) -> None:
    task = create(client, auth_headers)
    answer = client.request(method, f"/api/tasks/{task['id']}{tail}", json=body, headers=new_user)
    assert answer.status_code == 403
    assert task["title"] not in answer.text
    assert task["user_id"] not in answer.text
    assert client.get(f"/api/tasks/{task['id']}", headers=auth_headers).json() == task


@pytest.mark.threat("elevation.another-users-row")
def test_lists_show_only_the_callers_tasks(
    client: httpx.Client, auth_headers: Headers, new_user: Headers
) -> None:
    create(client, auth_headers)
    assert client.get("/api/tasks", headers=new_user).json() == {"items": [], "next_cursor": None}


@pytest.mark.threat("elevation.owner-from-the-body")
def test_the_owner_comes_from_the_token_never_from_the_body(
    client: httpx.Client, auth_headers: Headers, new_user: Headers
) -> None:
    other = create(client, new_user)["user_id"]
    answer = client.post("/api/tasks", json={"title": "t", "user_id": other}, headers=auth_headers)
    assert answer.status_code == 422


@pytest.mark.parametrize(("method", "tail", "body"), CALLS)
@pytest.mark.threat("spoofing.no-credentials")
def test_without_a_token_every_operation_is_401(
    client: httpx.Client, auth_headers: Headers, method: str, tail: str, body: object
) -> None:
    task = create(client, auth_headers)
    assert client.request(method, f"/api/tasks/{task['id']}{tail}", json=body).status_code == 401
    assert client.request(method, "/api/tasks/not-even-an-id" + tail, json=body).status_code == 401


@pytest.mark.threat("tampering.racing-writes")
def test_of_two_simultaneous_completions_one_succeeds(client: httpx.Client, auth_headers: Headers) -> None:
    for _ in range(10):
        path = f"/api/tasks/{create(client, auth_headers)['id']}/complete"
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(partial(client.post, headers=auth_headers), [path, path]))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
