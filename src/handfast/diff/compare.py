"""Two sets of contracts → every change between them, each once, with the operations that have it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from handfast.codegen.source import Map, plain
from handfast.diff.catalogue import RULES, advice, hurts
from handfast.diff.contract import At, Contract, Operation, Pair
from handfast.diff.found import Found
from handfast.diff.model import Change, Direction, Severity, Where
from handfast.diff.operations import Operations, removal
from handfast.diff.relation import Relations
from handfast.diff.schemas import Schemas


def compare(old: Sequence[Contract], new: Sequence[Contract], today: date) -> tuple[Change, ...]:
    """Return the changes from the contracts `old` to the contracts `new`, the worst first."""
    comparison = _Comparison(old, new, today)
    comparison.run()
    return comparison.changes()


@dataclass(slots=True)
class _Group:
    """One change of several operations."""

    found: Found
    direction: Direction
    operations: dict[str, None] = field(default_factory=dict)


class _Comparison:
    def __init__(self, old: Sequence[Contract], new: Sequence[Contract], today: date) -> None:
        self.old, self.new, self.today = old, new, today
        self.relations = Relations()
        self.pairs: dict[tuple[int, int], Operations] = {}
        self.groups: dict[tuple[Any, ...], _Group] = {}
        self.known: dict[tuple[int, Direction], tuple[Found, _Group]] = {}
        """id of a change and its direction → itself, so that its id stays its own, and its group."""

    def run(self) -> None:
        self.operations()
        self.sent()
        self.schemes()
        self.servers()

    def changes(self) -> tuple[Change, ...]:
        made = []
        for group in self.groups.values():
            found, direction = group.found, group.direction
            made.append(
                Change(
                    rule=found.rule,
                    severity=found.severity,
                    direction=direction,
                    operations=tuple(group.operations),
                    what=found.what,
                    old=found.old,
                    new=found.new,
                    hurts=hurts(direction, found.severity),
                    fix=advice(found.rule, direction, found.severity),
                    witness=found.witness,
                    reason=found.reason,
                )
            )
        return tuple(sorted(made, key=Change.order))

    def tell(self, found: Found, direction: Direction, operations: Iterable[str] = ()) -> None:
        """Take a change up; the same change of a shared part is one, as bad as it is anywhere."""
        _, group = self.known.get((id(found), direction), (None, None))
        if group is None:
            group = self.group(found, direction)
            self.known[id(found), direction] = found, group
        if found.severity == group.found.severity:
            group.operations.update(dict.fromkeys(operations))

    def group(self, found: Found, direction: Direction) -> _Group:
        """Return what gathers a change; a worse one of the same kind and place takes it over."""
        old, new = found.old, found.new
        key = (
            found.rule,
            found.what,
            direction,
            old and (old.source, old.pointer),
            new and (new.source, new.pointer),
        )
        group = self.groups.setdefault(key, _Group(found, direction))
        if found.severity > group.found.severity:
            group.found, group.operations = found, {}
        return group

    def note(
        self,
        rule: str,
        what: str,
        old: At | None,
        new: At | None,
        operations: Iterable[str] = (),
        direction: Direction = "request",
    ) -> None:
        """Take up a change whose severity the catalogue knows."""
        severity = RULES[rule].severity(direction)
        places = _where(old), _where(new)
        known = Severity(severity) if isinstance(severity, Severity) else Severity.RISKY
        self.tell(Found(rule, known, what, *places, judged=False), direction, operations)

    # -- operations ------------------------------------------------------------------------------------

    def between(self, old: Contract, new: Contract) -> Operations:
        """Return what compares operations of two contracts."""
        key = (id(old), id(new))
        if key not in self.pairs:
            self.pairs[key] = Operations(Schemas(Pair(old, new), self.relations), self.today)
        return self.pairs[key]

    def operations(self) -> None:
        before = {one.shape: one for contract in self.old for one in contract.operations}
        after = {one.shape: one for contract in self.new for one in contract.operations}
        for shape, one in before.items():
            if shape in after:
                other = after[shape]
                operations = self.between(one.at.contract, other.at.contract)
                for told in operations.compare(one, other):
                    self.tell(told.found, told.direction, [other.name])
        self.gone(before, after)
        self.come(before, after)

    def gone(self, before: dict[tuple[str, str], Operation], after: dict[tuple[str, str], Operation]) -> None:
        """Tell of operations that are not there any more, by path where all of it is gone."""
        left = {path for _, path in after}
        whole: dict[str, list[Operation]] = {}
        for shape, one in before.items():
            if shape in after:
                continue
            rule, day = removal("operation", one.at, self.today)
            if rule == "operation-removed" and shape[1] not in left:
                whole.setdefault(shape[1], []).append(one)
                continue
            self.note(rule, f"`{one.name}`{day} is gone", one.at, None, [one.name])
        for operations in whole.values():
            one = operations[0]
            what = f"the path `{one.path}` is gone"
            self.note("path-removed", what, one.item, None, [each.name for each in operations])

    def come(self, before: dict[tuple[str, str], Operation], after: dict[tuple[str, str], Operation]) -> None:
        """Tell of operations that were not there before, by path where all of it is new."""
        known = {path for _, path in before}
        whole: dict[str, list[Operation]] = {}
        for shape, one in after.items():
            if shape in before:
                continue
            if shape[1] in known:
                self.note("operation-added", f"`{one.name}` was added", None, one.at, [one.name])
            else:
                whole.setdefault(shape[1], []).append(one)
        for operations in whole.values():
            one = operations[0]
            what = f"the path `{one.path}` was added"
            self.note("path-added", what, None, one.item, [each.name for each in operations])

    def sent(self) -> None:
        """Compare the webhooks."""
        before = {(one.path, one.method): one for contract in self.old for one in contract.webhooks}
        after = {(one.path, one.method): one for contract in self.new for one in contract.webhooks}
        for key, one in before.items():
            name = f"webhook {one.path}"
            if key not in after:
                self.note(
                    "webhook-removed",
                    f"the webhook `{one.path}` is sent no more",
                    one.at,
                    None,
                    [name],
                    "response",
                )
                continue
            operations = self.between(one.at.contract, after[key].at.contract)
            for told in operations.compare_sent(one, after[key]):
                self.tell(told.found, told.direction, [name])
        for key, one in after.items():
            if key not in before:
                what, name = f"the webhook `{one.path}` was added", f"webhook {one.path}"
                self.note("webhook-added", what, None, one.at, [name], "response")

    # -- what belongs to no operation ------------------------------------------------------------------

    def schemes(self) -> None:
        """Compare the security schemes."""
        before, after = _schemes(self.old), _schemes(self.new)
        for name, one in before.items():
            if name not in after:
                self.note("security-scheme-removed", f"the scheme `{name}` is gone", one, None)
            else:
                self.scheme(name, one, after[name])
        for name, one in after.items():
            if name not in before:
                self.note("security-scheme-added", f"the scheme `{name}` was added", None, one)

    def scheme(self, name: str, old: At, new: At) -> None:
        for key in ("type", "in", "name", "scheme"):
            if str(old.get(key)).lower() != str(new.get(key)).lower():
                what = f"`{key}` of the scheme `{name}` was `{old.get(key)}`, and is `{new.get(key)}`"
                self.note("security-scheme-changed", what, old.child(key), new.child(key))
        for key in ("openIdConnectUrl", "oauth2MetadataUrl"):
            if old.get(key) != new.get(key):
                what = f"`{key}` of the scheme `{name}` is another"
                self.note("security-address-changed", what, old.child(key), new.child(key))
        before, after = old.child("flows").deref(), new.child("flows").deref()
        if old.get("type") != new.get("type"):
            return
        flows = (
            {key: before.child(key) for key in _keys(before)},
            {key: after.child(key) for key in _keys(after)},
        )
        for key in dict.fromkeys([*flows[0], *flows[1]]):
            one, other = flows[0].get(key), flows[1].get(key)
            if one is None or other is None:
                verb = "added" if one is None else "removed"
                self.note(f"oauth-flow-{verb}", f"the flow `{key}` of `{name}` was {verb}", one, other)
                continue
            for field_ in ("authorizationUrl", "tokenUrl", "refreshUrl", "deviceAuthorizationUrl"):
                if one.get(field_) != other.get(field_):
                    what = f"`{field_}` of the flow `{key}` of `{name}` is another"
                    self.note("security-address-changed", what, one.child(field_), other.child(field_))
            scopes = one.child("scopes"), other.child("scopes")
            for scope in dict.fromkeys([*_keys(scopes[0]), *_keys(scopes[1])]):
                was, now = scope in _keys(scopes[0]), scope in _keys(scopes[1])
                if was != now:
                    verb = "added" if now else "removed"
                    self.note(f"oauth-scope-{verb}", f"the scope `{scope}` of `{name}` was {verb}", *scopes)

    def servers(self) -> None:
        """Compare the servers of contracts, paths and operations."""
        self.served([one.top for one in self.old], [one.top for one in self.new], [])
        before = {one.shape: one for contract in self.old for one in contract.operations}
        for contract in self.new:
            for other in contract.operations:
                one = before.get(other.shape)
                if one is not None:
                    own = [_serving(each) for each in (one, other)]
                    if any(each.node is not each.contract.top.node for each in own):
                        self.served(own[:1], own[1:], [other.name])

    def served(self, old: list[At], new: list[At], operations: list[str]) -> None:
        before, after = _servers(old), _servers(new)
        for url, at in before.items():
            if url not in after:
                if at in old and any(map(_is_root, after)):
                    continue  # who has been told of no server has found one; only where it ends is known
                self.note(
                    "server-removed", f"the server `{url}` is gone", at, new[0] if new else None, operations
                )
            elif plain(at.get("variables")) != plain(after[url].get("variables")):
                what = f"the variables of the server `{url}` are others"
                self.note(
                    "server-variable-changed",
                    what,
                    at.child("variables"),
                    after[url].child("variables"),
                    operations,
                )
        for url, at in after.items():
            if url not in before and at not in new:
                self.note(
                    "server-added", f"the server `{url}` was added", old[0] if old else None, at, operations
                )


def _where(at: At | None) -> Where | None:
    return None if at is None else at.where()


def _keys(at: At) -> list[str]:
    return [key for key in at.node if not key.startswith("x-")] if isinstance(at.node, Map) else []


def _schemes(contracts: Sequence[Contract]) -> dict[str, At]:
    found: dict[str, At] = {}
    for contract in contracts:
        for name, at in contract.top.child("components").deref().entries("securitySchemes").items():
            found.setdefault(name, at.deref())
    return found


def _serving(operation: Operation) -> At:
    """Return what names the servers of an operation: itself, its path, or the contract."""
    places = (operation.at, operation.item)
    return next((one for one in places if one.items("servers")), operation.at.contract.top)


def _servers(owners: list[At]) -> dict[str, At]:
    """Return the servers by address; an owner without any stands for the root (OpenAPI 3.1, 4.8.1)."""
    return {
        str(one.get("url")) if one is not owner else "/": one
        for owner in owners
        for one in owner.items("servers") or [owner]
    }


def _is_root(url: str) -> bool:
    """Whether paths stand right behind an address."""
    return urlsplit(url).path in ("", "/")
