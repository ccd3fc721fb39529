"""The examples that an author wrote for an answer, found in the published document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from handfast.runtime.contract import OperationSpec
from handfast.validation.pointers import followed

_FIXED: Final = frozenset(("get", "put", "post", "delete", "options", "head", "patch", "trace", "query"))


class Document:
    """One OpenAPI document, looked into by pointer."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        """Look into `root`, whose references are all local."""
        self.root = root

    def at(self, node: Any, key: str) -> Any:
        """Return what stands under `key` of the mapping `node`, behind references."""
        found = followed(self.root, node)
        return followed(self.root, found.get(key)) if isinstance(found, Mapping) else None

    def operation(self, spec: OperationSpec) -> Any:
        """Return the operation object of `spec`."""
        item = self.at(self.root.get("paths"), spec.path)
        method = spec.method.lower()
        if method in _FIXED:
            return self.at(item, method)
        return self.at(self.at(item, "additionalOperations"), spec.method)

    def response(self, spec: OperationSpec, status: int) -> Any:
        """Return the response object that speaks of `status`."""
        responses = self.at(self.operation(spec), "responses")
        for key in (str(status), f"{str(status)[0]}XX", f"{str(status)[0]}xx", "default"):
            found = self.at(responses, key)
            if found is not None:
                return found
        return None

    def examples(self, spec: OperationSpec, status: int, media_type: str) -> Iterator[tuple[str, Any]]:
        """Yield the examples of one media type of an answer with their names; the only one has none."""
        media = self.at(self.at(self.response(spec, status), "content"), media_type)
        yield from self.examples_of(media)

    def header(self, spec: OperationSpec, status: int, name: str) -> Any:
        """Return the object of a response header."""
        headers = self.at(self.response(spec, status), "headers")
        for key in headers if isinstance(headers, Mapping) else ():
            if key.lower() == name.lower():
                return self.at(headers, key)
        return None

    def examples_of(self, node: Any) -> Iterator[tuple[str, Any]]:
        """Yield the examples of a media type, header or parameter."""
        if not isinstance(node, Mapping):
            return
        if "example" in node:
            yield "", node["example"]
        examples = node.get("examples")
        for name in examples if isinstance(examples, Mapping) else ():
            example = self.at(examples, name)
            if isinstance(example, Mapping):
                for key in ("value", "dataValue"):
                    if key in example:
                        yield name, example[key]
