"""Remote references: refused, unless the author lets them be copied into the project, once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from handfast.codegen import remote
from handfast.codegen.ir import ClassName
from handfast.codegen.project import Project, load
from tests.codegen.helpers import HEAD, OK, found
from tests.unit.cli_kit import handfast

PET = "{type: object, properties: {name: {type: string}, owner: {$ref: 'more/owner.yaml#/Owner'}}}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serve two documents, of which one refers to the other; the address."""
    folder = tmp_path / "served"
    (folder / "schemas" / "more").mkdir(parents=True)
    (folder / "schemas" / "pet.yaml").write_text(PET)
    (folder / "schemas" / "more" / "owner.yaml").write_text("Owner: {type: string, maxLength: 5}\n")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def project(root: Path, url: str) -> Path:
    contracts = root / "project" / "specs" / "001-x" / "contracts"
    contracts.mkdir(parents=True)
    body = f"requestBody: {{content: {{application/json: {{schema: {{$ref: '{url}/schemas/pet.yaml'}}}}}}}}"
    (contracts / "api.yaml").write_text(f"{HEAD}paths: {{/a: {{post: {{operationId: a, {body}, {OK}}}}}}}\n")
    return root / "project"


def test_nothing_is_fetched_without_leave(server: str, tmp_path: Path) -> None:
    root = project(tmp_path, server)
    loaded = load(Project(root))
    assert len(found(loaded, "remote-ref")) == 1
    (finding,) = [one for one in loaded.findings if one.code == "remote-ref"]
    assert "`handfast generate --allow-remote` copies it to `specs/remote/127.0.0.1_" in finding.fix
    assert not (root / "specs" / "remote").exists()


def test_a_copy_is_made_once_and_is_what_counts(server: str, tmp_path: Path) -> None:
    root = project(tmp_path, server)
    ran = handfast("generate", "--project", root, "--allow-remote")
    assert ran.code == 0, ran.err
    copies = sorted(path for path in (root / "specs" / "remote").rglob("*") if path.is_file())
    assert [path.name for path in copies] == ["owner.yaml", "pet.yaml"]
    (tmp_path / "served" / "schemas" / "pet.yaml").write_text("{type: integer}")
    assert handfast("generate", "--project", root, "--allow-remote", "--no-cache").code == 0
    loaded = load(Project(root))
    assert not loaded.findings
    (feature,) = loaded.features
    assert feature.schemas[ClassName("Pet")] == {
        "type": "object",
        "properties": {"name": {"type": "string"}, "owner": {"$ref": "#/$defs/Owner"}},
    }


def test_what_cannot_be_had_is_told_where_it_is_referred_to(server: str, tmp_path: Path) -> None:
    root = project(tmp_path, f"{server}/nowhere")
    loaded = load(Project(root), fetch=remote.fetch)
    (line,) = found(loaded, "remote-ref")
    assert "cannot be fetched: " in line
    assert not loaded.features


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("https://Example.com/a/b.yaml", "specs/remote/example.com/a/b.yaml"),
        ("http://127.0.0.1:80/", "specs/remote/127.0.0.1_80/index"),
        ("https://u:p@h/../../etc/passwd", "specs/remote/h/etc/passwd"),
        ("https://h/%2e%2e/%2e%2e/x", "specs/remote/h/x"),
        ("https://h/a?v=1&w=/../x", "specs/remote/h/a_v%3D1%26w%3D%2F..%2Fx"),
        ("file:///etc/passwd", None),
        ("urn:x:y", None),
    ],
)
def test_copies_stay_in_their_folder(url: str, file: str | None) -> None:
    assert remote.copy_of(url) == file
