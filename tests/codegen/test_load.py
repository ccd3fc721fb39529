# ruff: noqa: E501  (one case a line reads best)
"""Files → positioned values."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from handfast.codegen.load import MAX_BYTES, LoadFault, parse, read
from handfast.codegen.source import Map, Seq, child_source, kind_of, plain, strings


def fault(text: str, name: str = "api.yaml") -> str:
    with pytest.raises(LoadFault) as caught:
        parse(text, name)
    return str(caught.value.finding)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("Off", "Off"), ("y", "y"),
        ("true", True), ("False", False), ("TRUE", True), ("'true'", "true"),
        ("null", None), ("~", None), ("", None), ("'null'", "null"), ("Null", None),
        ("2024-01-31", "2024-01-31"), ("12:30:45", "12:30:45"), ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
        ("0777", "0777"), ("0o17", "0o17"), ("0x1F", "0x1F"), ("1_000", "1_000"), ("-0", 0), ("+12", 12), ("0", 0),
        ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("1e999", "1e999"), (".inf", ".inf"), (".nan", ".nan"),
        ("1.2.3", "1.2.3"), ("=", "="), ("!!str 12", "12"), ("! 12", "12"), ("!!int '12'", 12), ("!!null ''", None),
        ("9" * 30, int("9" * 30)), ("9" * 2000, "9" * 2000),
    ],
)  # fmt: skip
def test_plain_scalars_follow_yaml_1_2_and_doubtful_ones_stay_texts(text: str, value: object) -> None:
    root = parse(f"key: {text}\n", "api.yaml").root
    assert isinstance(root, Map)
    got = plain(root["key"])
    assert got == value
    assert type(got) is type(value)


def test_keys_are_texts_however_they_look() -> None:
    root = parse("200: a\ntrue: b\n~: c\n1.0: d\n'e': f\n", "api.yaml").root
    assert root == {"200": "a", "true": "b", "~": "c", "1.0": "d", "e": "f"}


def test_every_key_and_value_knows_its_place() -> None:
    root = parse("a: 1\nb:\n  - x\n  - c: [1, é, {d: 2}]\n", "api.yaml").root
    assert isinstance(root, Map)
    assert str(root.source) == "api.yaml:1:1"
    assert str(root.key_source("b")) == "api.yaml:2:1"
    items = root["b"]
    assert isinstance(items, Seq)
    assert str(items.source) == "api.yaml:3:3"
    inner = items[1]
    assert isinstance(inner, Map)
    assert str(inner.key_source("c")) == "api.yaml:4:5"
    assert str(inner.value_source("c")) == "api.yaml:4:8"
    deep = inner["c"]
    assert isinstance(deep, Seq)
    assert str(deep.value_source(2)) == "api.yaml:4:15"
    assert str(child_source(deep, 1)) == "api.yaml:4:12"
    assert str(child_source(root, "a")) == "api.yaml:1:4"
    assert str(root.key_source("missing")) == str(root.value_source("missing")) == "api.yaml:1:1"


def test_json_has_the_same_places_as_yaml() -> None:
    text = '{\n  "a": 1,\n\t"b": [true, {"c": "\\ud83d\\ude00\\/"}],\n  "d": [], "e": {}, "f": -1.5e2, "g": null\n}\n'
    root = parse(text, "api.json").root
    assert root == {"a": 1, "b": [True, {"c": "😀/"}], "d": [], "e": {}, "f": -150.0, "g": None}
    assert isinstance(root, Map)
    assert str(root.key_source("b")) == "api.json:3:2"
    items = root["b"]
    assert isinstance(items, Seq)
    assert str(items.value_source(1)) == "api.json:3:14"


def test_windows_lines_and_byte_order_marks_do_not_shift_places(tmp_path: Path) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        (tmp_path / "api.yaml").write_bytes("a: 1\r\nb:\r\n  c: ü\r\n".encode(encoding))
        root = read(tmp_path / "api.yaml", "api.yaml").root
        assert root == {"a": 1, "b": {"c": "ü"}}
        assert isinstance(root, Map)
        inner = root["b"]
        assert isinstance(inner, Map)
        assert str(inner.value_source("c")) == "api.yaml:3:6"


def test_duplicate_keys_are_findings_in_yaml_and_json() -> None:
    for text, name, place in (
        ("a: 1\nb: 2\na: 3\n", "x.yaml", "3:1"),
        ('{"a": 1,\n "a": 2}', "x.json", "2:2"),
    ):
        document = parse(text, name)
        assert [str(finding) for finding in document.findings] == [
            f"{name}:{place}: the key `a` is already given at line 1\n  fix: keep one of the two"
        ]
        assert isinstance(document.root, Map)
        assert document.root["a"] == 1


def test_aliases_and_merge_keys_are_followed() -> None:
    text = "base: &base {a: 1, b: 2}\none: {<<: *base, b: 3}\ntwo:\n  <<: [*base, {c: 4}]\n'three': *base\n"
    root = parse(text, "api.yaml").root
    assert isinstance(root, Map)
    assert root["one"] == {"a": 1, "b": 3}
    assert root["two"] == {"a": 1, "b": 2, "c": 4}
    assert root["three"] == {"a": 1, "b": 2}
    assert parse("&k key: 1\n*k : 2\n", "api.yaml").findings


def test_wrong_merges_and_unknown_tags_are_findings() -> None:
    document = parse("a: {<<: 3}\nb: !include x\nc: !thing {d: 1}\ne: !!binary aGk=\n", "api.yaml")
    assert [finding.code for finding in document.findings] == [
        "bad-merge",
        "unknown-tag",
        "unknown-tag",
        "unknown-tag",
    ]
    assert "`!include`" in document.findings[1].what
    assert "`!!binary`" in document.findings[3].what


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("a: b: c\n", "api.yaml:1:5: not YAML: mapping values are not allowed"),
        ("a: {b: 1\n", "api.yaml:2:1: not YAML"),
        ("\ta: 1\n", "api.yaml:1:1: not YAML: found character that cannot start any token"),
        ("a: 'x\n", "api.yaml:2:1: not YAML: found unexpected end of stream"),
        ("a: *b\n", "api.yaml:1:4: the alias `*b` has no anchor"),
        ("a: &b [*b]\n", "api.yaml:1:8: the alias `*b` stands inside the value that it names"),
        ("? [a]\n: b\n", "api.yaml:1:3: a mapping or list cannot be a key"),
        ("x: &a [1]\n*a : b\n", "api.yaml:2:1: a mapping or list cannot be a key"),
        ("a: \x01\n", "api.yaml:1:4: the character U+0001 is not allowed in YAML"),
        ("[" * 100_000, "api.yaml:1:101: mappings and lists nest deeper than 100"),
        ('a: "\\ud83d"\n', "api.yaml:1:7: not YAML"),
        ("%YAML 3.0\n---\na: 1\n", "api.yaml:1:1: not YAML"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_place(text: str, start: str) -> None:
    assert fault(text).startswith(start)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ('{"a": ' * 101 + "1" + "}" * 101, "api.json:1:601: mappings and lists nest deeper than 100"),
        ('{"a": }', "api.json:1:7: not JSON: a value is due here"),
        ('{"a": 1,}', "api.json:1:9: not JSON: a key in double quotes is due here"),
        ('{"a" 1}', "api.json:1:6: not JSON: `:` is due after a key"),
        ('{"a": 1 "b": 2}', "api.json:1:9: not JSON: `,` or `}` is due here"),
        ("[1 2]", "api.json:1:4: not JSON: `,` or `]` is due here"),
        ("[1] 2", "api.json:1:5: not JSON: there is text after the end of the value"),
        ('["a\nb"]', "api.json:1:4: not JSON: invalid control character"),
        ('["\\ud83d"]', "api.json:1:2: not JSON: the text holds half of a surrogate pair"),
        ("[1e999]", "api.json:1:2: the number 1e999 is too large"),
        ("[nope]", "api.json:1:2: not JSON: a value is due here"),
        ("[" * 100_000, "api.json:1:101: mappings and lists nest deeper than 100"),
        ("{" + '"a":{' * 300, "api.json:1:"),
    ],
)
def test_what_is_not_json_is_told_with_its_place(text: str, start: str) -> None:
    assert fault(text, "api.json").startswith(start)


def test_flow_yaml_in_a_yaml_file_need_not_be_json() -> None:
    assert parse("{a: 1, b: [x, y]}", "api.yaml").root == {"a": 1, "b": ["x", "y"]}


def test_alias_bombs_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    started = time.process_time()
    assert "stand for more than 200,000 values" in fault("\n".join(lines))
    assert time.process_time() - started < 1


def test_a_second_document_is_an_error_unless_it_is_empty() -> None:
    document = parse("a: 1\n---\nb: 2\n", "x.yaml")
    (finding,) = document.findings
    assert (finding.code, finding.source.line, finding.fatal) == ("many-documents", 2, True)
    for text in ("a: 1\n---\n", "---\na: 1\n...\n", "a: 1\n---\n# nothing\n"):
        assert parse(text, "x.yaml").findings == (), text


def test_files_have_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "api.yaml"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # a sparse file: nothing is written
    with pytest.raises(LoadFault) as raised:
        read(path, "api.yaml")
    assert raised.value.finding.code == "too-large"


@pytest.mark.parametrize("text", ["9" * 1001, "-" + "9" * 5000, "1e999", "-1.5E+400", "9" * 400 + ".5"])
def test_numbers_that_no_reader_holds_are_told(text: str) -> None:
    document = parse(f"a: {text}\nb: '{text}'\n", "x.yaml")
    assert document.root == {"a": text, "b": text}
    assert [(one.code, one.source.line) for one in document.findings] == [("huge-number", 1)]


@pytest.mark.parametrize(
    "text", ["1.2.3", "12-3", "0x1F", "007", "1_000", "+", ".", "1e", "12:30", "2020-01-01"]
)
def test_what_only_looks_like_a_number_is_a_text(text: str) -> None:
    document = parse(f"a: {text}\n", "x.yaml")
    assert (document.root, document.findings) == ({"a": text}, ())


def test_tags_of_other_languages_are_told() -> None:
    document = parse(
        'a: !!python/object/apply:os.system ["x"]\nb: !!set {x: null}\nc: !!seq [1]\nd: !!map {e: 1}\n',
        "x.yaml",
    )
    assert [(one.code, one.source.line, one.fatal) for one in document.findings] == [
        ("unknown-tag", 1, True),
        ("unknown-tag", 2, True),
    ]


def test_nested_merges_are_bounded() -> None:
    lines = ["a0: &a0 {k: 1}"]
    lines += [f"a{n}: &a{n} {{b: {{<<: *a{n - 1}}}, c: {{<<: *a{n - 1}}}}}" for n in range(1, 40)]
    with pytest.raises(LoadFault) as raised:
        parse("\n".join(lines), "x.yaml")
    assert raised.value.finding.code == "alias-bomb"


def test_files_that_cannot_be_read_are_findings(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(LoadFault, match=r"api.yaml:2:4: byte 0xff is not valid UTF-8 text"):
        read(tmp_path / "api.yaml", "api.yaml")
    with pytest.raises(LoadFault, match="cannot read the file"):
        read(tmp_path / "missing.yaml", "missing.yaml")


def test_empty_files_hold_nothing() -> None:
    assert parse("", "api.yaml").root is None
    assert parse("# only a comment\n", "api.yaml").root is None


def test_kinds_have_names_for_people() -> None:
    root = parse("[{}, [], true, x, 1.5, null]", "api.yaml").root
    assert isinstance(root, Seq)
    assert [kind_of(item) for item in root] == [
        "a mapping",
        "a list",
        "a boolean",
        "a text",
        "a number",
        "nothing",
    ]
    assert strings(root) == ["x"]
