"""The first contract of an application that has none: the documents that it derives, as files."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from handfast.adopt.sight import Document
from handfast.codegen.yamltext import to_yaml


def first_contracts(documents: Sequence[Document]) -> dict[str, str]:
    """Return file name -> YAML, one of each application that has operations; the outermost is `api.yaml`.

    The paths of a mounted application have the path where it is mounted before them. operationIds stay as
    they are, since clients may have been generated from them; one that stands there twice is left out of
    the later operation, for a contract must not have it twice.
    """
    files: dict[str, str] = {}
    ids: set[str] = set()
    for document in documents:
        if not document.document.get("paths"):
            continue
        made = copy.deepcopy(dict(document.document))
        made["paths"] = {document.prefix + path: item for path, item in made["paths"].items()}
        made.pop("servers", None) if document.prefix else None
        for item in made["paths"].values():
            _without_doubles(item, ids)
        files[_name(document.prefix, files)] = to_yaml(made)
    return files


def _without_doubles(item: Mapping[str, Any], ids: set[str]) -> None:
    for operation in item.values():
        if isinstance(operation, dict) and "operationId" in operation:
            if operation["operationId"] in ids:
                del operation["operationId"]
            else:
                ids.add(operation["operationId"])


def _name(prefix: str, taken: Mapping[str, str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", prefix.lower()).strip("-") or "api"
    number, name = 1, f"{stem}.yaml"
    while name in taken:
        number += 1
        name = f"{stem}-{number}.yaml"
    return name
