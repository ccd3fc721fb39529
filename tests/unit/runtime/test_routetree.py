"""The tree of routes: it leaves out no route that the linear search would have found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Message, Scope

from handfast.runtime.routetree import RouteTree
from handfast.runtime.routing import ContractRoute

METHODS = ("GET", "PUT", "DELETE", "BREW")
SEGMENTS = ("a", "b", "", "{x}", "{x:int}", "a{x}", "{x}.json", "{x:path}", "a{x:path}b", "{no-parameter}")
PIECES = ("a", "b", "", "1", "ab", "a.json", "b\n", "a{x}", "{no-parameter}", "aab", "é")


def endpoint(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return PlainTextResponse(f"{name} {sorted(request.path_params.items())}")

    return answer


def template(segments: Sequence[str]) -> str:
    """A path template whose parameters have names of their own."""
    return "".join("/" + segment.replace("{x", f"{{x{n}") for n, segment in enumerate(segments))


@st.composite
def routes(draw: st.DrawFn) -> list[BaseRoute]:
    drawn = draw(
        st.lists(
            st.tuples(
                st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=4),
                st.sampled_from(METHODS),
                st.sampled_from((ContractRoute, APIRoute, Route, Mount, APIRouter)),
            ),
            max_size=12,
        )
    )
    found: list[BaseRoute] = []
    for number, (segments, method, kind) in enumerate(drawn):
        path, name = template(segments), str(number)
        if kind is Mount:
            found.append(Mount(path.rstrip("/"), routes=[Route("/b", endpoint(name))], name=name))
        elif kind is APIRouter:
            inner, outer = APIRouter(), APIRouter()
            inner.add_api_route(path, endpoint(name), methods=[method])
            outer.include_router(inner, prefix="/a")
            found += outer.routes
        else:
            route = kind(path, endpoint(name), methods=[method], name=name)
            if isinstance(route, ContractRoute):
                route.declared = frozenset((method, "PUT"))
            found.append(route)
    return found


async def asked(app: FastAPI, method: str, path: str, root: str) -> list[Message]:
    """What `app` answers, or which error it raises."""
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": root + path,
        "root_path": root,
        "raw_path": (root + path).encode(),
        "query_string": b"",
        "headers": [],
        "server": ("test", 80),
        "scheme": "http",
        "app": app,
    }
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        said.append(message)

    try:
        await app(scope, receive, send)
    except Exception as error:
        said.append({"type": type(error).__name__, "text": str(error)})
    return said


def application(found: list[BaseRoute], *, tree: bool, slashes: bool) -> FastAPI:
    app = FastAPI(openapi_url=None, redirect_slashes=slashes)
    if tree:
        app.router.middleware_stack = RouteTree(app.router, plain=(ContractRoute.matches,))
    app.router.routes += found
    return app


@given(
    routes(),
    st.lists(
        st.tuples(st.lists(st.sampled_from(PIECES), min_size=1, max_size=5), st.sampled_from(METHODS)),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(("", "/a", "/root")),
    st.booleans(),
)
async def test_it_answers_as_the_linear_search(
    found: list[BaseRoute], requests: list[tuple[list[str], str]], root: str, slashes: bool
) -> None:
    linear = application(found, tree=False, slashes=slashes)
    with_tree = application(found, tree=True, slashes=slashes)
    for segments, method in requests:
        path = "/" + "/".join(segments)
        assert await asked(with_tree, method, path, root) == await asked(linear, method, path, root)


async def test_routes_come_and_go_while_it_serves() -> None:
    app = application([], tree=True, slashes=False)

    async def status(path: str) -> int:
        return int((await asked(app, "GET", path, ""))[0]["status"])

    assert await status("/new") == 404
    app.add_api_route("/new", endpoint("new"))
    assert await status("/new") == 200
    late = APIRouter()
    app.include_router(late, prefix="/late")
    assert await status("/late/one") == 404
    late.add_api_route("/one", endpoint("one"))
    assert await status("/late/one") == 200
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", "") != "/new"]
    assert await status("/new") == 404
    app.router.routes[0] = Route("/other", endpoint("other"))
    assert (await status("/late/one"), await status("/other")) == (404, 200)


async def test_a_url_is_made_by_the_whole_router() -> None:
    app = application([], tree=True, slashes=False)

    async def place(request: Request) -> Response:
        return PlainTextResponse(str(request.url_for("elsewhere", number="5")))

    app.router.routes += [Route("/place", place), Route("/there/{number}", endpoint("x"), name="elsewhere")]
    assert (await asked(app, "GET", "/place", ""))[1]["body"] == b"http://test/there/5"
