"""Remote references: refused, unless the author lets them be copied into the project, once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
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
    assert "`handfast generate --allow-remote` copies it to `specs/remote/http_127.0.0.1_" in finding.fix
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
        ("https://Example.com/a/b.yaml", "specs/remote/https_example.com/a/b.yaml"),
        ("http://127.0.0.1:80/", "specs/remote/http_127.0.0.1_80/index"),
        ("https://u:p@h/x", None),
        ("http://[bad/x.yaml", None),
        ("http://h:x/a.yaml", None),
        ("https://h/../../etc/passwd", "specs/remote/https_h/etc/passwd"),
        ("https://h/%2e%2e/%2e%2e/x", "specs/remote/https_h/x"),
        ("https://h/a?v=1&w=/../x", "specs/remote/https_h/a_v%3D1%26w%3D%2F..%2Fx"),
        ("file:///etc/passwd", None),
        ("urn:x:y", None),
    ],
)
def test_copies_stay_in_their_folder(url: str, file: str | None) -> None:
    assert remote.copy_of(url) == file


class Odd(BaseHTTPRequestHandler):
    """Answers that are no documents."""

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1/x")
            self.end_headers()
        elif self.path == "/page":
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(b"<html>log in</html>")
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"type: string")
        else:
            self.wfile.write(b"garbage\r\n\r\n")

    def log_message(self, *of: object) -> None:
        pass


@pytest.mark.parametrize(
    ("path", "why"),
    [("/moved", "it has moved to ftp:"), ("/page", "HTML"), ("/short", "only 12 of 1000"), ("/garbage", "")],
)
def test_only_whole_documents_are_copied(path: str, why: str, tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Odd) as serving:
        Thread(target=serving.serve_forever, daemon=True).start()
        root = project(tmp_path, f"http://127.0.0.1:{serving.server_port}{path}#")
        loaded = load(Project(root), fetch=remote.fetch)
        serving.shutdown()
    assert why in "".join(found(loaded, "remote-ref"))
    assert found(loaded, "remote-ref")
    assert not list((root / "specs").rglob("*.part"))
    assert not (root / "specs" / "remote").is_dir()


BROKEN = (
    "$ref: 'http://[bad/x.yaml'",
    "$id: 'http://[bad/x', $ref: tree",
    "$dynamicRef: 'http://[bad/x#n'",
)


@pytest.mark.parametrize("place", BROKEN)
def test_what_is_no_uri_is_a_finding(place: str, tmp_path: Path) -> None:
    path = tmp_path / "specs" / "001-x" / "contracts" / "api.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(f"{HEAD}paths: {{}}\ncomponents: {{schemas: {{A: {{{place}}}}}}}\n")
    assert load(Project(tmp_path)).findings


def test_versions_of_a_document_are_documents(tmp_path: Path) -> None:
    class Versions(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = {
                "/schemas/pet.yaml": "properties: {a: {$ref: 'v.yaml?v=1'}, b: {$ref: 'v.yaml?v=2'}}",
                "/schemas/v.yaml?v=1": "type: integer",
                "/schemas/v.yaml?v=2": "type: string",
            }[self.path]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *of: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Versions) as serving:
        Thread(target=serving.serve_forever, daemon=True).start()
        root = project(tmp_path, f"http://127.0.0.1:{serving.server_port}")
        (feature,) = load(Project(root), fetch=remote.fetch).features
        serving.shutdown()
    kinds = [one for one in feature.schemas.values() if isinstance(one, dict) and "type" in one]
    assert {"type": "integer"} in kinds
    assert {"type": "string"} in kinds
