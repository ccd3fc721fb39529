"""Generated security requirements and credentials, held against the few lines that say what they mean."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from handfast.runtime import Forbidden, Principal, Unauthorized
from handfast.runtime.security import Guard

SCHEMES: dict[str, dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "oauth": {"type": "oauth2", "flows": {}},
    "basic": {"type": "http", "scheme": "basic"},
    "header": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
    "query": {"type": "apiKey", "in": "query", "name": "k"},
}
UNCHECKED = "header"
"""The scheme that nobody gave an authenticator for, in half of the cases."""

Alternative = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Machine(Principal):
    """Stands for no user."""

    names_user = False


@dataclass(frozen=True)
class Credential:
    """What is sent for one scheme; a bad one is nobody's."""

    user: str
    scopes: frozenset[str]
    machine: bool
    valid: bool

    @property
    def principal(self) -> Principal:
        return (Machine if self.machine else Principal).of(self.user, scopes=self.scopes)

    @property
    def text(self) -> str:
        word = "ok" if self.valid else "bad"
        return f"{word}.{self.user}.{int(self.machine)}.{'-'.join(sorted(self.scopes))}"


async def check(credential: str) -> Principal | None:
    word, user, machine, scopes = credential.removesuffix(":").split(".")
    if word != "ok":
        return None
    return Credential(user, frozenset(filter(None, scopes.split("-"))), machine == "1", True).principal


Outcome = str | int | None


def meaning(security: Sequence[Alternative], sent: Mapping[str, Credential], checked: set[str]) -> Outcome:
    """The user's name, None for nobody in particular, or the status of the refusal."""
    if not security:
        return None
    good = {name: found for name, found in sent.items() if found.valid and name in checked}
    refused = False
    for alternative in security:
        if not alternative or any(name not in good for name, _ in alternative):
            continue
        principals = [good[name] for name, _ in alternative]
        users = {found.user for found in principals if not found.machine}
        granted = all(good[name].scopes >= set(scopes) for name, scopes in alternative)
        if granted and len(users) <= 1:
            return users.pop() if users else principals[0].user
        refused = True
    named = {name for alternative in security for name, _ in alternative}
    if refused:
        return 403
    return None if () in security and not named & sent.keys() else 401


def request(sent: Mapping[str, Credential]) -> Request:
    headers: list[tuple[bytes, bytes]] = []
    query = b""
    for name, credential in sent.items():
        text = credential.text.encode()
        match name:
            case "bearer":
                headers.append((b"authorization", b"Bearer " + text))
            case "basic":
                headers.append((b"authorization", b"Basic " + base64.b64encode(text + b":")))
            case "header":
                headers.append((b"x-key", text))
            case "cookie":
                headers.append((b"cookie", b"sid=" + text))
            case "query":
                query = b"k=" + text
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers, "query_string": query})


CARRIED = set(SCHEMES) - {"oauth"}
"""Schemes with a place of their own in the request."""

SCOPES = st.frozensets(st.sampled_from(("a", "b")))
REQUIREMENT = st.dictionaries(st.sampled_from(sorted(SCHEMES)), SCOPES.map(sorted).map(tuple), max_size=3)
SECURITY = st.lists(REQUIREMENT.map(lambda found: tuple(found.items())), max_size=3)
CREDENTIAL = st.builds(
    Credential,
    st.sampled_from(("ann", "bob")),
    SCOPES,
    st.booleans(),
    st.sampled_from((True, True, True, False)),
)
SENT = st.sampled_from(({"basic"}, {"basic"}, {"bearer"}, {"basic", "query"}, set[str]())).flatmap(
    lambda absent: st.fixed_dictionaries({name: CREDENTIAL for name in sorted(CARRIED - absent)})
) | st.dictionaries(st.sampled_from(sorted(CARRIED)), CREDENTIAL, max_size=2)


@pytest.mark.threat("elevation.security-requirements")
@settings(max_examples=800, deadline=None)
@given(SECURITY, SENT, st.booleans())
async def test_requirements_mean_what_the_specification_says(
    security: list[Alternative], sent: dict[str, Credential], all_checked: bool
) -> None:
    checked = set(SCHEMES) if all_checked else set(SCHEMES) - {UNCHECKED}
    given_for = {name: check for name in checked if name not in ("bearer", "oauth")}
    carried = dict(sent)
    if "bearer" in sent and "basic" in sent:  # two Authorization headers: neither counts
        bad = Credential("ann", frozenset(), False, False)
        carried |= {"bearer": bad, "basic": bad}
    if "bearer" in carried:
        carried["oauth"] = carried["bearer"]  # both take the same token
    expected = meaning(security, carried, checked)
    guard = Guard(security, SCHEMES, given_for, check)
    outcome: Outcome
    asked: str | None = None
    try:
        caller = await guard(request(sent))
        outcome = None if caller is None else caller.user.subject
    except (Unauthorized, Forbidden) as error:
        outcome = error.status
        asked = error.headers.get("WWW-Authenticate")
    event(str(outcome if isinstance(outcome, int) else "in"))
    assert outcome == expected
    assert (outcome == 401) <= bool(asked)
