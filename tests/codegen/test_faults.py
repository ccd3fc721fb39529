# ruff: noqa: E501  (one case a line reads best)
"""Each fatal fault is told with its place, what is wrong and how to mend it; the case folders hold the usual ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.codegen.helpers import HEAD, OK, contract, fixes, found, project

COMPONENTS = f"{HEAD}paths: {{}}\ncomponents: "


@pytest.mark.parametrize(
    ("text", "code", "start", "fix"),
    [
        # not OpenAPI
        ("openapi: §3.9.0\npaths: {}\n", "not-openapi", "`3.9.0` is no version", "write `openapi: 3.1.0` (or 3.0.x)"),
        ("openapi: §[3]\npaths: {}\n", "wrong-structure", "`openapi` must be a text, not a list", "write a text here"),
        ("§openapi: 3.1.0\n", "no-paths", "the contract has no `paths`", "add `paths:` with at least one operation"),
        ("§OpenAPI: 3.1.0\npaths: {}\n", "not-openapi", "`OpenAPI` is not a key", "write `openapi: 3.1.0`"),
        ("§paths: {}\n", "not-openapi", "the file has `paths` but no `openapi`", "add `openapi: 3.1.0` at the top"),
        ("§just a text\n", "not-openapi", "the file holds a text, not a contract", "write an OpenAPI document"),
        ("§", "not-openapi", "the file holds nothing", "write an OpenAPI document"),
        # structure
        (HEAD + "paths: §[]\n", "wrong-structure", "`paths` must be a mapping", "write a mapping"),
        (HEAD + "paths: {/x: §[get]}\n", "wrong-structure", "`/x` must be a mapping (a path item), not a list", "write"),
        (HEAD + "paths: {/x: {get: §3}}\n", "wrong-structure", "`get` must be a mapping (an operation)", "write"),
        (COMPONENTS + "{schemas: {A: §text}}", "wrong-structure", "`A` must be a mapping", "write"),
        (COMPONENTS + "{schemas: {A: {type: §{}}}}", "wrong-structure", "`type` must be a text or a list", "write"),
        (COMPONENTS + "{schemas: {A: {allOf: §{}}}}", "wrong-structure", "`allOf` must be a list of schemas", "write"),
        (COMPONENTS + "{schemas: {A: {allOf: [§x]}}}", "wrong-structure", "`allOf[0]` must be a mapping", "write"),
        (COMPONENTS + "{schemas: {A: {$ref: §[x]}}}", "wrong-structure", "`$ref` must be a text, not a list", "write"),
        (HEAD + "paths: {}\nsecurity: [{a: §yes}]", "wrong-structure", "the scopes of `a` must be a list", "write `[]`"),
        (HEAD + "paths: {}\nsecurity: [{a: [x, §null]}]", "wrong-structure", "a scope of `a` must be a text", "write its name"),
        # references
        (HEAD + "paths: {/x: {parameters: [{$ref: §'#/components/parameters/Pge'}]}}\n"
         "components: {parameters: {Page: {name: p, in: query}}}", "dangling-ref",
         "`#/components/parameters/Pge` names nothing", "did you mean `Page` in `#/components/parameters`?"),
        (COMPONENTS + "{schemas: {A: {$ref: §'#/definitions/B'}, B: {}}}", "dangling-ref", "`#/definitions/B` names nothing",
         "did you mean `#/components/schemas/B`?"),
        (COMPONENTS + "{schemas: {A: {$ref: §B}, B: {}}}", "dangling-ref", "`B`: there is no file",
         "did you mean `#/components/schemas/B`?"),
        (COMPONENTS + "{schemas: {A: {$ref: §'#B'}, B: {}}}", "dangling-ref", "`#B` names nothing",
         "did you mean `#/components/schemas/B`?"),
        (COMPONENTS + "{schemas: {A: {$ref: §'#nowhere'}}}", "dangling-ref", "`#nowhere` names nothing", "write `#/components/"),
        (COMPONENTS + "{schemas: {A: {$ref: §'#/x'}}}", "dangling-ref", "`#/x` names nothing", "define `x` in the document"),
        (COMPONENTS + "{schemas: {A: {$ref: §apu.yaml}}}", "dangling-ref", "`apu.yaml`: there is no", "did you mean `api.yaml`?"),
        (COMPONENTS + "{schemas: {A: {$ref: §no/file.yaml}}}", "dangling-ref", "`no/file.yaml`: there is", "add the file"),
        (COMPONENTS + "{schemas: {A: {$ref: §'api.yaml#/nope'}}}", "dangling-ref", "`api.yaml#/nope` names nothing", "define `nope`"),
        (COMPONENTS + "{schemas: {A: {$ref: §'urn:x:y'}}}", "remote-ref", "`urn:x:y` is a remote reference", "copy the file"),
        (COMPONENTS + "{schemas: {A: {$ref: §//host/x}}}", "remote-ref", "`//host/x` is a remote reference", "copy the file"),
        (COMPONENTS + "{schemas: {A: {$ref: §/etc/passwd}}}", "outside-ref", "`/etc/passwd` leaves the project", "copy the file"),
        (COMPONENTS + "{schemas: {A: {$ref: §'#/info/title'}}}", "wrong-ref",
         "`#/info/title` names a text where a schema is due", "refer to a schema"),
        (HEAD + "paths: {/x: {$ref: §'#/components/schemas/A'}}\ncomponents: {schemas: {A: {}}}", "wrong-ref",
         "`#/components/schemas/A` names a schema where a path item is due", "refer to a path item"),
        (COMPONENTS + "{parameters: {P: {$ref: §'#/components/parameters/P'}}}", "ref-cycle",
         "`#/components/parameters/P` leads back to itself", "let one of"),
        (COMPONENTS + "{schemas: {A: {allOf: [{not: {$ref: §'#/components/schemas/A'}}]}}}", "ref-cycle",
         "`#/components/schemas/A` leads back to itself", "let one of"),
        # operations and parameters
        (HEAD + f"paths: {{/x: {{get: {{operationId: a, {OK}}}, put: {{operationId: §a, {OK}}}}}}}", "duplicate-operation-id",
         "`a` is already the name of the operation at line 3", "give each operation its own operationId"),
        (HEAD + "paths: {/x: {parameters: [{name: a, in: §formData}]}}", "unknown-location", "`formData`", "use `requestBody`"),
        (HEAD + "paths: {/x: {parameters: [{name: a, in: §Path}]}}", "unknown-location", "`Path`", "did you mean `path`?"),
        (HEAD + "paths: {/x: {parameters: [{name: a, in: §nowhere}]}}", "unknown-location", "`nowhere`", "write `path`, `q"),
        (HEAD + "paths: {/x: {parameters: [§{name: a}]}}", "unknown-location", "the parameter `a` does not say", "add `in:`"),
        (COMPONENTS + "{parameters: {§P: {in: query}}}", "nameless-parameter", "the parameter has no `name`", "add `name:`"),
        (COMPONENTS + "{pathItems: {P: {get: {parameters: [{name: a, in: §x}]}}}}", "unknown-location", "`x` is no", "write"),
        (HEAD + "webhooks: {w: {post: {parameters: [{name: a, in: §x}]}}}", "unknown-location", "`x` is no location", "write"),
        (HEAD + "paths: {/x: {get: {callbacks: {c: {e: {post: {parameters: [{name: a, in: §x}]}}}}}}}", "unknown-location",
         "`x` is no location of a parameter", "write"),
    ],
)  # fmt: skip
def test_fatal_faults_are_told_with_place_and_cure(
    tmp_path: Path, text: str, code: str, start: str, fix: str
) -> None:
    """`§` stands before the place to which the finding must point."""
    before, _, after = text.partition("§")
    place = f"{before.count(chr(10)) + 1}:{len(before.rsplit(chr(10), 1)[-1]) + 1} "
    loaded = contract(tmp_path, before + after)
    assert loaded.fatal
    assert not loaded.features
    assert [what for what in found(loaded, code) if what.startswith(place + start)], loaded.findings
    assert any(cure.startswith(fix) for cure in fixes(loaded, code)), fixes(loaded, code)


def test_all_faults_of_all_files_come_in_one_run_sorted(tmp_path: Path) -> None:
    loaded = project(
        tmp_path,
        {
            "002-b/contracts/api.yaml": "a: b: c\n",
            "001-a/contracts/z.json": '{"openapi": "3.1.0", "paths": []}',
            "001-a/contracts/a.yaml": f"{HEAD}paths: {{x: {{get: {{{OK}}}}}}}\n",
            "003-c/contracts/deep/er.yaml": "swagger: '2.0'\n",
            "004-d/contracts/fine.yaml": f"{HEAD}paths: {{/x: {{get: {{{OK}}}}}}}\n",
        },
    )
    assert [finding.source.file for finding in loaded.findings] == [
        "specs/001-a/contracts/a.yaml", "specs/001-a/contracts/z.json",
        "specs/002-b/contracts/api.yaml", "specs/003-c/contracts/deep/er.yaml",
    ]  # fmt: skip
    assert [feature.name for feature in loaded.features] == ["a_a", "d"]
    assert str(loaded.findings[1]).startswith("specs/001-a/contracts/z.json:1:31: `paths` must be a mapping")


def test_findings_read_as_one_line_and_its_cure(tmp_path: Path) -> None:
    loaded = contract(tmp_path, f"{HEAD}paths: {{/x: {{gett: {{{OK}}}}}}}\n")
    (finding,) = loaded.findings
    assert str(finding) == (
        "specs/001-x/contracts/api.yaml:3:14: warning: `gett` means nothing in a path item, and is ignored\n  fix: did you mean `get`?"
    )


@pytest.mark.parametrize(
    ("schema", "fix"),
    [
        ("{type: text}", "write `type: string`"),
        ("{type: file}", "write `type: string` with `format: binary`"),
        ("{type: strng}", "did you mean `string`?"),
        ("{type: [strng]}", "did you mean `string`?"),
        ("{type: [3]}", "write `null`"),
        ("{type: null}", "write `'null'`"),
        ("{enum: null}", "list the values"),
        ("{exclusiveMinimum: x}", "write a number"),
        ("{minLength: 1.5}", "write such a number"),
        ("{maximum: [1]}", "write a number"),
        ("{minimum: '1.5'}", "remove the quotes"),
        ("{minimum: '1e999'}", "write a number"),
        ("{uniqueItems: 'true'}", "remove the quotes"),
        ("{uniqueItems: 3}", "write `true` or `false`"),
        ("{title: 3}", "put it in quotes"),
        ("{title: true}", "put it in quotes"),
        ("{title: []}", "write a text"),
        ("{required: [1]}", "put it in quotes"),
        ("{required: [[]]}", "put it in quotes"),
        ("{dependentRequired: {a: b}}", "use `dependentSchemas` for schemas"),
        ("{minlength: 3}", "did you mean `minLength`?"),
        ("{properties: {a: }}", "give it a value, or remove the key"),
        ("{allOf: [null, {}]}", "give it a value, or remove it"),
        ("{patternProperties: {'(': {}}}", "write a regular expression of ECMA-262"),
    ],
)
def test_what_is_no_schema_is_mended_or_dropped_with_a_warning(tmp_path: Path, schema: str, fix: str) -> None:
    loaded = contract(tmp_path, f"{HEAD}paths: {{}}\ncomponents: {{schemas: {{A: {schema}}}}}\n")
    assert not loaded.fatal, [str(finding) for finding in loaded.findings]
    assert [finding.fix for finding in loaded.findings if finding.fix.startswith(fix)], loaded.findings
