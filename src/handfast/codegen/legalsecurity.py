"""Security schemes as OpenAPI wants them; one that cannot be understood is dropped, nobody satisfies it."""

from __future__ import annotations

from handfast.codegen.changes import Changes
from handfast.codegen.grammar import is_extension
from handfast.codegen.legalpaths import TOKEN
from handfast.codegen.report import listed
from handfast.codegen.source import Map, child_source
from handfast.codegen.walk import Visit

_FIELDS: dict[str, tuple[str, ...]] = {
    "apiKey": ("name", "in"),
    "http": ("scheme",),
    "oauth2": ("flows",),
    "openIdConnect": ("openIdConnectUrl",),
    "mutualTLS": (),
}
"""Type of a scheme → the fields that it must have (OpenAPI 3.1.1, 4.8.27)."""
_ANY = frozenset(("type", "description", "deprecated"))
_FURTHER = {"http": frozenset(("bearerFormat",)), "oauth2": frozenset(("oauth2MetadataUrl",))}
_PLACES = ("query", "header", "cookie")
_URLS: dict[str, tuple[str, ...]] = {
    "implicit": ("authorizationUrl",),
    "password": ("tokenUrl",),
    "clientCredentials": ("tokenUrl",),
    "authorizationCode": ("authorizationUrl", "tokenUrl"),
    "deviceAuthorization": ("deviceAuthorizationUrl", "tokenUrl"),
}
"""Kind of flow → the addresses that it must have."""


def scheme(visit: Visit, changes: Changes) -> None:
    """Drop a scheme that lacks what its type needs, and fields that belong to other types."""
    node = visit.node
    if "$ref" in node or not isinstance(visit.owner, Map):
        return
    kind = str(node.get("type"))
    fault = _fault(kind, node)
    if fault:
        what = f"the security scheme `{visit.key}` {fault}; it is dropped, and nobody can satisfy it"
        changes.drop(
            visit.owner, visit.key, "bad-scheme", what, f"write `type:` with {listed(tuple(_FIELDS))}"
        )
        return
    known = {*_ANY, *_FIELDS[kind], *_FURTHER.get(kind, ())}
    if kind == "http" and str(node["scheme"]).lower() != "bearer":
        known.discard("bearerFormat")
    for key in [key for key in node if key not in known and not is_extension(key)]:
        what = f"`{key}` means nothing in a security scheme of the type `{kind}`, and is ignored"
        changes.drop(node, key, "useless-field", what, "remove it")


def _fault(kind: str, node: Map) -> str:
    if kind not in _FIELDS:
        return "has no type that OpenAPI knows"
    missing = [key for key in _FIELDS[kind] if key not in node]
    if missing:
        return f"is of the type `{kind}` and has no `{missing[0]}`"
    if kind == "apiKey" and node["in"] not in _PLACES:
        return f"does not stand in {listed(_PLACES)}"
    if kind == "apiKey" and node["in"] != "query" and not TOKEN.match(str(node["name"])):
        return f"has the name `{node['name']}`, which HTTP does not allow"
    return ""


def flows(visit: Visit, changes: Changes) -> None:
    """Drop flows that lack an address, and add scopes where there are none."""
    for name in list(visit.node):
        flow = visit.node[name]
        if not isinstance(flow, Map):
            continue
        missing = [key for key in _URLS.get(name, ()) if key not in flow]
        if missing:
            what = f"the flow `{name}` has no `{missing[0]}`, and is ignored"
            changes.drop(visit.node, name, "missing-field", what, f"add `{missing[0]}:`")
            continue
        for key in [key for key in flow if key.endswith("Url") and key not in (*_URLS[name], "refreshUrl")]:
            what = f"`{key}` means nothing in the flow `{name}`, and is ignored"
            changes.drop(flow, key, "useless-field", what, "remove it")
        if not isinstance(flow.get("scopes"), Map):
            finding = changes.report.warn(
                child_source(visit.node, name),
                "missing-field",
                f"the flow `{name}` has no `scopes`",
                "add `scopes: {}`",
            )
            changes.set(flow, "scopes", Map(flow.file, flow.offset), finding)
