"""Every hole that a careless hand leaves is found and named; without one there is no finding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from handfast.fuzz.report import Report
from handfast.runtime.database import throwaway
from tests.fuzz.kit import FORCE, LIFT, Shelf, fuzz, planted, shelf

CALLS = 200
MORE = {"uniqueness": 400, "token": 1600}
"""Rules whose turn comes later."""


@pytest.fixture(scope="module")
def service(postgres: throwaway.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """The shelf; its holes are opened one at a time."""
    with shelf(tmp_path_factory.mktemp("shelf"), postgres) as made:
        yield made


def found(report: Report) -> set[tuple[str, str]]:
    """What was found, as (rule, operationId)."""
    return {(one.oracle, one.where.rpartition("(")[2].rstrip(")")) for one in report.findings if one.fatal}


SIMPLE_KEY = (
    "alter table comments drop constraint fk_comments_note",
    "alter table notes no force row level security",
    "alter table comments add constraint fk_comments_note foreign key (note_id) references notes (id) "
    "on delete cascade",
    "alter table notes force row level security",
)
COMPOSITE_KEY = (
    "alter table comments drop constraint fk_comments_note",
    "alter table comments add constraint fk_comments_note foreign key (user_id, note_id) "
    "references notes (user_id, id) on delete cascade",
)
ONE_LABEL = (
    "alter table notes drop constraint uq_notes_label",
    "alter table notes add constraint uq_notes_label unique (label)",
)
LABEL_A_USER = (
    "alter table notes drop constraint uq_notes_label",
    "alter table notes add constraint uq_notes_label unique (user_id, label)",
)
NO_FORCE = ("alter table notes no force row level security",)

HOLES = [
    # hole, statements, what mends them, (rule, operation) that must be found
    ("no-policy", (LIFT.format("notes"),), (FORCE.format("notes"),), ("access", "getNote")),
    ("not-forced", NO_FORCE, (FORCE.format("notes"),), ("access", "getNote")),
    ("no-policy", (LIFT.format("notes"),), (FORCE.format("notes"),), ("ready", "GET /ready")),
    ("not-forced", NO_FORCE, (FORCE.format("notes"),), ("ready", "GET /ready")),
    ("admin-role", (), (), ("access", "getNote")),
    ("cached-note", (), (), ("access", "getNote")),
    ("cached-list", (), (), ("marker", "listNotes")),
    ("unfiltered-list", (), (), ("marker", "listNotes")),
    ("filter-by-any-note", (), (), ("marker", "listComments")),
    ("", SIMPLE_KEY, COMPOSITE_KEY, ("reference", "createComment")),
    ("", ONE_LABEL, LABEL_A_USER, ("uniqueness", "createNote")),
    ("", ONE_LABEL, LABEL_A_USER, ("uniqueness", "updateNote")),
    ("telling-error", (), (), ("marker", "getNote")),
    ("private-is-not-unknown", (), (), ("existence", "deleteNote")),
    ("early-304", (), (), ("cache", "getNote")),
    ("owner-from-the-body", (), (), ("owner", "createNote")),
    ("predictable-export", (), (), ("access", "getExport")),
    ("written-before-checked", (), (), ("unchanged", "updateNote")),
    ("alg-none", (), (), ("token:alg-none-none", "listNotes")),
]


ALWAYS = {
    "no-policy-access-getNote",
    "not-forced-access-getNote",
    "admin-role-access-getNote",
    "cached-list-marker-listNotes",
    "schema-reference-createComment",
    "schema-uniqueness-createNote",
}
"""One of each kind."""


@pytest.mark.threat("disclosure.isolation-hole-goes-unnoticed")
@pytest.mark.parametrize(
    ("name", "statements", "undo", "expected"),
    [
        pytest.param(*one, id=name, marks=planted(name, always=name in ALWAYS))
        for one in HOLES
        for name in (f"{one[0] or 'schema'}-{one[3][0]}-{one[3][1]}",)
    ],
)
def test_a_planted_hole_is_caught_and_named(
    service: Shelf,
    name: str,
    statements: tuple[str, ...],
    undo: tuple[str, ...],
    expected: tuple[str, str],
) -> None:
    with service.hole(name, *statements, undo=undo) as surface:
        report = fuzz(surface, calls=MORE.get(expected[0].partition(":")[0], CALLS))
    assert expected in found(report), "\n".join(map(str, report.findings))


@pytest.mark.threat("disclosure.isolation-hole-goes-unnoticed")
def test_without_a_hole_there_is_no_finding(service: Shelf) -> None:
    with service.hole("") as surface:
        report = fuzz(surface, calls=1800, seed=2)
    assert not report.findings, "\n".join(map(str, report.findings))  # every operation was exercised, too
    assert report.leaked == 0
    assert report.calls == 1800


@pytest.mark.parametrize("name", ["session", "owner-role"])
def test_a_handler_without_a_filter_is_safe_while_row_security_is_in_force(service: Shelf, name: str) -> None:
    with service.hole(name) as surface:
        report = fuzz(surface, calls=CALLS, seed=3)
    assert not report.failed, "\n".join(map(str, report.findings))


FORGOTTEN = [
    ("api.yaml", "      operationId: getNote\n", "      operationId: getNote\n      security: []\n"),
    ("operations.py", "get_note(ctx: Context", "get_note(ctx: PublicContext"),
    ("operations.py", "Forbidden, NotFound, conflict", "Forbidden, NotFound, PublicContext, conflict"),
]


@pytest.mark.threat("spoofing.operation-without-security")
@pytest.mark.planted("forgotten-security")
def test_a_forgotten_security_is_caught_unless_the_operation_is_meant_for_everybody(
    postgres: throwaway.Server, tmp_path: Path
) -> None:
    with shelf(tmp_path, postgres, *FORGOTTEN) as made, made.hole("forgotten-security") as surface:
        report = fuzz(surface, calls=CALLS)
        allowed = fuzz(surface, calls=CALLS, public=["getNote"])
    assert ("anonymous", "getNote") in found(report), "\n".join(map(str, report.findings))
    assert not allowed.failed, "\n".join(map(str, allowed.findings))
