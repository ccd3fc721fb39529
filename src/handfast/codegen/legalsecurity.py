"""Security schemes as OpenAPI wants them; one that cannot be understood is dropped, nobody satisfies it."""

from __future__ import annotations

from handfast.codegen.changes import Changes
from handfast.codegen.grammar import is_extension
from handfast.codegen.legalpaths import TOKEN
from handfast.codegen.report import listed, nearest
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
_ADDITIONS = {
    "name": "`name:` with the name of the query parameter, header or cookie",
    "in": "`in:` with `query`, `header` or `cookie`",
    "scheme": "`scheme:` with the scheme of the `Authorization` header, such as `bearer` or `basic`",
    "flows": "`flows:` with how a token is got, such as `clientCredentials:`",
    "openIdConnectUrl": "`openIdConnectUrl:` with the address of the provider's metadata",
}
"""Field that is missing → what to add."""
_HTTP_SCHEMES = {"basic": "basic", "bearer": "bearer", "digest": "digest", "jwt": "bearer", "token": "bearer"}
"""What authors take for types (`basic` is one in Swagger 2.0) → the schemes of HTTP that they are."""
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
    fault = _fault(node)
    if fault is not None:
        place, wrong, fix = fault
        what = f"the security scheme `{visit.key}` {wrong}; it is dropped, and nobody can satisfy it"
        source = node.value_source(place) if place else None
        changes.drop(visit.owner, visit.key, "bad-scheme", what, fix, source=source)
        return
    kind = str(node["type"])
    known = {*_ANY, *_FIELDS[kind], *_FURTHER.get(kind, ())}
    if kind == "http" and str(node["scheme"]).lower() != "bearer":
        known.discard("bearerFormat")
    for key in [key for key in node if key not in known and not is_extension(key)]:
        what = f"`{key}` means nothing in a security scheme of the type `{kind}`, and is ignored"
        changes.drop(node, key, "useless-field", what, "remove it")


def _fault(node: Map) -> tuple[str, str, str] | None:
    """Return the key whose value is wrong (none for a scheme that lacks one), what is wrong, and the cure."""
    kind = str(node.get("type", ""))
    if kind not in _FIELDS:
        return _type_fault(node, kind)
    missing = [key for key in _FIELDS[kind] if key not in node]
    if missing:
        lacks = " and no ".join(f"`{key}`" for key in missing)
        fix = "add " + " and ".join(_ADDITIONS[key] for key in missing)
        return "", f"is of the type `{kind}` and has no {lacks}", fix
    if kind != "apiKey":
        return None
    place, name = str(node["in"]), str(node["name"])
    if place not in _PLACES:
        near = nearest(place, _PLACES)
        fix = f"did you mean `in: {near}`?" if near else f"write `in:` with {listed(_PLACES)}"
        return "in", f"stands in `{place[:40]}`, which is no place for a key", fix
    if place != "query" and not TOKEN.match(name):
        fix = f"name the {place} in letters, digits and hyphens" if name else f"name the {place}"
        return "name", f"has the name `{name[:40]}`, which HTTP does not allow for a {place}", fix
    return None


def _type_fault(node: Map, kind: str) -> tuple[str, str, str]:
    meant = next((one for one, fields in _FIELDS.items() if any(key in node for key in fields)), "")
    known = f"write `type:` with {listed(tuple(_FIELDS))}"
    if not kind:
        return "", "has no `type`", f"add `type: {meant}`" if meant else known.replace("write", "add", 1)
    near = nearest(kind, tuple(_FIELDS))
    if kind.lower() in _HTTP_SCHEMES:
        fix = f"write `type: http` with `scheme: {_HTTP_SCHEMES[kind.lower()]}`"
    else:
        fix = f"did you mean `type: {near}`?" if near else known
    return "type", f"is of the type `{kind[:40]}`, which OpenAPI does not know", fix


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
