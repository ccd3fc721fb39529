"""What the last wall takes out of a line, and what it leaves alone."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, quote_plus

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.redaction import REDACTED, Redactor, is_secret_name, learn, passwords, redact, redact_fields
from handfast.runtime import Fault

pytestmark = pytest.mark.threat("disclosure.secret-in-log")

TOKEN = jwt.encode({"sub": "somebody"}, "0123456789abcdef" * 2)
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIODHcHZ1\nq2T=\n-----END EC PRIVATE KEY-----"

SHOWN = [
    # text, what must be gone, what must stay
    (f"token {TOKEN} refused", TOKEN, "refused"),
    (f"token {TOKEN.rpartition('.')[0]}. unsigned", TOKEN.split(".")[1], "unsigned"),
    ("Authorization: Bearer opaque-0123456789", "opaque-0123456789", "Authorization"),
    ("sent bearer abcdefghijklmnopqrstuvwxyz here", "abcdefghij", "here"),
    ("Basic dXNlcjpwYXNzd29yZA== was wrong", "dXNlcjpwYXNzd29yZA", "was wrong"),
    ("query ?access=Bearer%20opaque-0123456789&x=1", "opaque-0123456789", "x=1"),
    ("Cookie: session=abc; theme=dark", "abc", "Cookie"),
    ("headers {'set-cookie': 'session=abc', 'accept': '*/*'}", "session=abc", "'accept': '*/*'"),
    ("headers [(b'cookie', b'session=abc'), (b'accept', b'*/*')]", "session=abc", "accept"),
    (r'{"message":"got {\"cookie\": \"session=abc\"} now"}', "session=abc", "now"),
    ("postgresql://svc:hush-word@db.internal:5432/app", "hush-word", "svc"),
    ("postgresql://svc:hush/word@db:5432/app?x=1", "hush/word", "db:5432/app?x=1"),
    ("nats://me:hush@broker", "hush", "broker"),
    ("at redis://:hush-word@cache:6379/0, again", "hush-word", "cache:6379/0, again"),
    ("host=db user=svc password=hush-word dbname=app", "hush-word", "dbname=app"),
    ("host=db password='hush \\' word' dbname=app", "hush", "dbname=app"),
    ("?user=a&password=hush-word&x=1", "hush-word", "x=1"),
    (PEM, "MHcCAQEE", ""),
    (json.dumps({"a": PEM, "b": "stays"}), "MHcCAQEE", '"b": "stays"'),
    (json.dumps({"a": PEM[:50], "b": "stays"}), "MHcCAQEE", '"b": "stays"'),
    ("mail to alice.b+c@mail.example.com now", "alice.b+c", "now"),
    ("?mail=alice%40example.com&x=1", "alice%40", "x=1"),
    ("<ålice@exämple.com>", "ålice", ">"),
]


@pytest.mark.parametrize(("text", "gone", "stays"), SHOWN)
def test_what_looks_like_a_secret_is_taken_out(text: str, gone: str, stays: str) -> None:
    shown = redact(text)
    assert gone not in shown
    assert stays in shown
    assert REDACTED in shown
    assert redact(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        'Bearer error="invalid_token"',
        'Basic realm="api", charset="UTF-8"',
        "basic information, and a bearer of news",
        "http://127.0.0.1:8000/api/tasks",
        "postgresql://handfast_service@db.example.com/app",
        "the security scheme `bearerAuth` has no authenticator",
        "set it to the same database; `--setup ADMIN_URL` makes the roles, a password is printed",
        "select a @> b, c <@ d from t",
        "specs/001-shop/contracts/api.yaml:12:5: `cookie` parameter, authorization, and more",
        "2026-11-25T15:04:32.710497Z 56e31139a6504a48a980ae35789680ff eye.brow",
    ],
)
def test_innocent_words_stay(text: str) -> None:
    assert redact(text) == text


SECRETS = st.text(min_size=6, max_size=60).filter(lambda text: text.isprintable() and len(text.strip()) >= 6)


@given(secret=SECRETS, before=st.text(max_size=9), after=st.text(max_size=9))
def test_a_known_secret_is_found_in_every_form(secret: str, before: str, after: str) -> None:
    redactor = Redactor([secret])
    text = f"{before}{secret}{after}"
    for form in (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]):
        assert form not in redactor.text(f"x{form}y")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        encoded = encode(text.encode()).decode()
        shown = redactor.text(encoded)
        assert shown != encoded
        # Of the secret's own bytes, no more is left than the two that share a triple with their neighbours.
        start = len(before.encode()) * 8 // 6 + 2
        inner = encoded[start : start + len(secret.encode()) * 8 // 6 - 4]
        assert shown.count(inner) < encoded.count(inner) or not inner


@pytest.mark.parametrize(
    ("secret", "found"),
    [
        ("postgresql://u:p%40ss@h/d", {"p%40ss", "p@ss"}),
        ("postgresql+psycopg://u:p@ss/word@h:5432/d", {"p@ss/word"}),
        ("host=h password='it\\'s' user=u", {"it's"}),
        ("postgresql://h/d?password=hush", {"hush"}),
        ("postgresql://h/d", set()),
        ("https://auth.example.com", set()),
        ("only-a-key", set()),
        ("postgresql://u:p@[::1", {"p"}),
    ],
)
def test_passwords_inside_connection_strings(secret: str, found: set[str]) -> None:
    assert found <= passwords(secret)
    assert bool(passwords(secret)) == bool(found)


def test_a_secret_too_short_to_tell_from_a_word_is_not_looked_for_by_its_value() -> None:
    assert Redactor(["info"]).text("info") == "info"


def test_a_secret_that_begins_another_one_leaves_nothing_of_it() -> None:
    shown = Redactor(["abcdefgh", "abcdefgh-and-more"]).text("x abcdefgh-and-more y")
    assert shown == f"x {REDACTED} y"


def test_fields_are_redacted_by_name_however_deep() -> None:
    fields: dict[str, Any] = {
        "event": "called",
        "Authorization": "x",
        "BETTER_AUTH_SECRET": "x",
        "token": None,
        "request": {"headers": [(b"cookie", b"x"), (b"accept", b"y")], "set-cookie": ["x"]},
        "pairs": (("X-API-Key", "x"),),
        "tokens_checked": 3,
    }
    assert redact_fields(fields) == {
        "event": "called",
        "Authorization": REDACTED,
        "BETTER_AUTH_SECRET": REDACTED,
        "token": None,
        "request": {"headers": [[b"cookie", REDACTED], [b"accept", b"y"]], "set-cookie": REDACTED},
        "pairs": [["X-API-Key", REDACTED]],
        "tokens_checked": 3,
    }
    assert is_secret_name("Set-Cookie")
    assert not is_secret_name("operation_id")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([text for text, *_ in SHOWN]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("cookie"), inner),
    max_leaves=20,
)


@given(JSON)
def test_json_stays_json(value: object) -> None:
    written = json.dumps({"event": "e", "value": value})
    line = redact(written)
    try:
        assert json.loads(line)["event"] == "e"
    except ValueError as error:
        raise AssertionError(f"{written}\n{line}") from error


@pytest.mark.threat("denial.redaction-backtracking")
@pytest.mark.parametrize(
    "unit", ["a@", "a.", "a%41", "://a:", "eyJhbGciO.", "bearer ", "-----BEGIN A-----", "'"]
)
def test_hostile_lines_cost_little(unit: str) -> None:
    """Work grows with the square of the length at most for a bounded part: this ends, or the run hangs."""
    text = "password cookie authorization @ " + unit * (20_000 // len(unit))
    assert isinstance(redact(text), str)


@pytest.mark.threat("disclosure.secret-in-error")
def test_what_was_learnt_never_shows_in_a_fault() -> None:
    learn(["learnt-only-by-this-test"])
    fault = Fault("learnt-only-by-this-test is wrong", "drop learnt-only-by-this-test", where="X")
    assert "learnt-only" not in f"{fault!r}{fault}"
