# ruff: noqa: E501  (one case a line reads best)
"""Which files are contracts, what features are called, and how they get along."""

from __future__ import annotations

from pathlib import Path

from handfast.codegen.project import Project, load
from tests.codegen.helpers import HEAD, OK, fixes, found, project


def paths(*names: str) -> str:
    return HEAD + "paths:\n" + "".join(f"  {name}: {{get: {{{OK}}}}}\n" for name in names)


def test_a_project_without_specs_has_no_features(tmp_path: Path) -> None:
    loaded = load(Project(tmp_path))
    assert (loaded.features, loaded.findings, loaded.fatal) == ((), (), False)


def test_features_are_called_after_folder_and_file(tmp_path: Path) -> None:
    loaded = project(
        tmp_path,
        {
            "001-task-management/contracts/api.yaml": paths("/a"),
            "002-Shop/contracts/users-api.yml": paths("/b"),
            "002-Shop/contracts/orders.json": '{"openapi": "3.1.0", "info": {"title": "O", "version": "1"}, "paths": {}}',
            "003-Shop/contracts/nested/api.yaml": paths("/c"),
            "004/contracts/api.yaml": paths("/d"),
            "task_management/contracts/api.yaml": paths("/e"),
            "006-notes/contracts/README.md": "# Not a contract\n",
            "007-loose/api.yaml": paths("/f"),
            "008-deep/contracts/a/b/api.yaml": paths("/g"),
        },
    )
    assert [one.code for one in loaded.findings] == ["name-clash"]
    assert [(one.name, one.folder, one.file.rsplit("/", 1)[-1]) for one in loaded.features] == [
        ("task_management", "specs/001-task-management", "api.yaml"),
        ("shop_orders", "specs/002-Shop", "orders.json"),
        ("shop_users_api", "specs/002-Shop", "users-api.yml"),
        ("shop", "specs/003-Shop", "api.yaml"),
        ("n_004", "specs/004", "api.yaml"),
        ("task_management_2", "specs/task_management", "api.yaml"),
    ]  # fmt: skip


def test_other_files_are_passed_over(tmp_path: Path) -> None:
    loaded = project(
        tmp_path,
        {
            "001-x/contracts/events.yaml": "asyncapi: 3.0.0\n",
            "001-x/contracts/schema.json": '{"type": "object"}',
            "001-x/contracts/api.yaml": HEAD
            + "paths: {/x: {$ref: parts/x.yaml}}\ncomponents: {schemas: {A: {$ref: 'lib.yaml#/components/schemas/A'}}}\n",
            "001-x/contracts/parts/x.yaml": f"get: {{parameters: {{$ref: list.yaml}}, {OK}}}\n",
            "001-x/contracts/parts/list.yaml": "- {name: a, in: query, schema: {type: string}}\n",
            "001-x/contracts/lib.yaml": HEAD + "components: {schemas: {A: {type: string}}}\n",
        },
    )
    assert not loaded.findings
    assert [feature.file for feature in loaded.features] == ["specs/001-x/contracts/api.yaml"]


def test_a_contract_that_others_refer_to_stays_a_contract(tmp_path: Path) -> None:
    loaded = project(
        tmp_path,
        {
            "001-x/contracts/a.yaml": paths("/a") + "components: {schemas: {A: {type: string}}}\n",
            "001-x/contracts/b.yaml": paths("/b")
            + "components: {schemas: {B: {$ref: 'a.yaml#/components/schemas/A'}}}\n",
        },
    )
    assert [feature.name for feature in loaded.features] == ["x_a", "x_b"]


def test_a_copy_in_the_same_folder_is_passed_over_with_a_warning(tmp_path: Path) -> None:
    text = HEAD + "paths: {/x: {$ref: x.yaml}}\ncomponents: {schemas: {A: {type: string}}}\n"
    loaded = project(
        tmp_path,
        {
            "001-x/contracts/api.yaml": text,
            "001-x/contracts/original.yaml": text,
            "001-x/contracts/x.yaml": "get: {responses: {'200': {description: d, content: {application/json: {schema: {$ref: 'original.yaml#/components/schemas/A'}}}}}}\n",
        },
    )
    assert found(loaded, "copy") == [
        "1:1 the file is a copy of `specs/001-x/contracts/original.yaml`, and is ignored"
    ]
    assert [feature.name for feature in loaded.features] == ["x"]


def test_the_same_operation_in_two_features_is_fatal_unless_superseded(tmp_path: Path) -> None:
    first = {"001-a/contracts/api.yaml": paths("/x/{a}", "/y").replace("{get", "{put: {" + OK + "}, get")}
    loaded = project(tmp_path, {**first, "002-b/contracts/api.yaml": paths("/x/{b}")})
    assert found(loaded, "duplicate-operation") == [
        "4:12 `GET /x/{b}` is already declared at specs/001-a/contracts/api.yaml:4:58"
    ]
    assert "`x-supersedes: [001-a]`" in fixes(loaded, "duplicate-operation")[0]
    for value in ("[001-a]", "001-a", "[a]"):
        loaded = project(
            tmp_path, {**first, "002-b/contracts/api.yaml": paths("/x/{b}") + f"x-supersedes: {value}\n"}
        )
        assert not loaded.fatal
        old, new = loaded.features
        assert [(one.method, one.path) for one in old.operations] == [
            ("PUT", "/x/{a}"),
            ("PUT", "/y"),
            ("GET", "/y"),
        ]
        assert list(old.document["paths"]["/x/{a}"]) == ["put"]  # type: ignore[arg-type,call-overload,index]
        assert [one.path for one in new.operations] == ["/x/{b}"]
        assert new.supersedes == (value.strip("[]"),)


def test_an_earlier_feature_may_also_supersede_a_later_one(tmp_path: Path) -> None:
    loaded = project(
        tmp_path,
        {
            "001-a/contracts/api.yaml": paths("/x") + "x-supersedes: [002-b]\n",
            "002-b/contracts/api.yaml": paths("/x"),
        },
    )
    assert [len(feature.operations) for feature in loaded.features] == [1, 0]
    assert loaded.features[1].document["paths"] == {}


def test_loading_is_a_pure_function(tmp_path: Path) -> None:
    files = {"001-a/contracts/api.yaml": paths("/x", "/y/{id}"), "002-b/contracts/api.yaml": paths("/z")}
    assert project(tmp_path, files) == load(Project(tmp_path))


def test_shared_findings_are_told_once(tmp_path: Path) -> None:
    shared = "get: {parameters: [{name: a, in: nowhere}]}\n"
    loaded = project(
        tmp_path,
        {
            "001-a/contracts/api.yaml": HEAD + "paths: {/x: {$ref: ../../shared/x.yaml}}\n",
            "002-b/contracts/api.yaml": HEAD + "paths: {/y: {$ref: ../../shared/x.yaml}}\n",
            "shared/x.yaml": shared,
        },
    )
    assert len(found(loaded, "unknown-location")) == 1


def test_endless_levels_are_a_finding_and_no_traceback(tmp_path: Path) -> None:
    chain = "".join(
        f"    S{n}: {{allOf: [{{$ref: '#/components/schemas/S{n + 1}'}}, {{properties: {{a{n}: {{}}}}}}]}}\n"
        for n in range(1500)
    )
    loaded = project(
        tmp_path,
        {
            "001-a/contracts/api.yaml": HEAD
            + "paths: {}\ncomponents:\n  schemas:\n"
            + chain
            + "    S1500: {}\n"
        },
    )
    assert found(loaded, "too-deep") == [
        "6:25 1500 references lead from one to the next, too many to follow: "
        "`S1` → `S2` → `S3` → `S4` → 1495 more → `S1500`"
    ]


def test_a_long_chain_of_references_is_told_where_it_begins(tmp_path: Path) -> None:
    chain = "".join(f"    S{n}: {{$ref: '#/components/schemas/S{n + 1}'}}\n" for n in range(300))
    text = f"{HEAD}paths: {{}}\ncomponents:\n  schemas:\n{chain}    S300: {{}}\n"
    loaded = project(tmp_path, {"001-a/contracts/api.yaml": text})
    assert found(loaded, "too-deep") == [
        "6:16 `#/components/schemas/S1` leads through more than 100 references"
    ]


def test_a_circle_is_told_once_at_its_first_reference_and_names_its_chain(tmp_path: Path) -> None:
    text = f"""{HEAD}paths: {{/x: {{get: {{parameters: [{{$ref: '#/components/parameters/C'}}], responses: {{}}}}}}}}
components:
  parameters:
    C: {{$ref: '#/components/parameters/B'}}
    A: {{$ref: '#/components/parameters/B'}}
    B: {{$ref: '#/components/parameters/A'}}
  schemas:
    E: {{not: {{$ref: '#/components/schemas/D'}}}}
    D: {{allOf: [{{$ref: '#/components/schemas/E'}}]}}
"""
    loaded = project(tmp_path, {"001-a/contracts/api.yaml": text})
    assert found(loaded, "ref-cycle") == [
        "7:15 `#/components/parameters/B` leads back to itself: `B` → `A` → `B`",
        "10:21 `#/components/schemas/D` leads back to itself: `D` → `E` → `D`",
    ]


def test_parts_of_parts_of_files_do_not_multiply_without_end(tmp_path: Path) -> None:
    files = {
        f"parts/{n}.yaml": "post: {callbacks: {"
        + ", ".join(f"c{i}: {{e: {{$ref: {n + 1}.yaml}}}}" for i in range(4))
        + "}}\n"
        for n in range(20)
    }
    files["parts/20.yaml"] = f"post: {{{OK}}}\n"
    loaded = project(
        tmp_path, {"001-a/contracts/api.yaml": HEAD + "paths: {/x: {$ref: ../../parts/0.yaml}}\n", **files}
    )
    assert found(loaded, "too-many-parts") == [
        "1:1 more than 20,000 parts of other files are copied into this contract"
    ]
