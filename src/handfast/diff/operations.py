"""Two versions of one operation → what changed in its parameters, body, responses and the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from handfast.codegen.deprecation import moment_of
from handfast.codegen.legalparams import STYLES
from handfast.codegen.legalpaths import template_names
from handfast.codegen.source import Map, Seq, plain, strings
from handfast.diff.catalogue import RISKY, RULES, SUBSUMPTION
from handfast.diff.contract import At, Operation, operations_of
from handfast.diff.found import REQUEST, RESPONSE, Flow, Found
from handfast.diff.model import Direction, Severity, Where
from handfast.diff.schemas import Schemas

_IGNORED = frozenset(("accept", "content-type"))


@dataclass(frozen=True, slots=True)
class Told:
    """One change, and which way it concerns."""

    found: Found
    direction: Direction


class Operations:
    """Compares operations of two contracts."""

    def __init__(self, schemas: Schemas, today: date) -> None:
        """Compare as of `today`."""
        self.schemas = schemas
        self.today = today
        self.told: list[Told] = []
        self.asks, self.answers = REQUEST, RESPONSE

    def compare(self, old: Operation, new: Operation) -> list[Told]:
        """Return what changed between two versions of an operation that callers send."""
        self.told, self.asks, self.answers = [], REQUEST, RESPONSE
        self._whole(old, new)
        return self.told

    def compare_sent(self, old: Operation, new: Operation) -> list[Told]:
        """Return what changed between two versions of a request that the service sends."""
        self.told = []
        self.asks, self.answers = Flow("response", "request"), Flow("request", "response")
        self._whole(old, new)
        return self.told

    def note(
        self, rule: str, what: str, old: At | Where | None, new: At | Where | None, flow: Flow | None = None
    ) -> None:
        """Note a change whose severity the catalogue knows."""
        direction = (flow or self.asks).direction
        severity = RULES[rule].severity(direction)
        places = [one.where() if isinstance(one, At) else one for one in (old, new)]
        known = RISKY if severity == SUBSUMPTION else Severity(severity)
        self.told.append(Told(Found(rule, known, what, places[0], places[1], judged=False), direction))

    def schema(self, old: At, new: At, flow: Flow) -> None:
        """Compare two schemas."""
        self.told += [Told(one, flow.direction) for one in self.schemas.compare(old, new, flow)]

    # -- the operation ---------------------------------------------------------------------------------

    def _whole(self, old: Operation, new: Operation) -> None:
        self._about(old, new)
        self._parameters(old, new)
        self._body(old.at, new.at)
        self._responses(old.at, new.at)
        self._security(old.at, new.at)
        self._callbacks(old.at, new.at)

    def _about(self, old: Operation, new: Operation) -> None:
        names = old.at.get("operationId"), new.at.get("operationId")
        if names[0] != names[1]:
            if names[0] is None:
                self.note(
                    "operation-id-added",
                    f"the operationId is `{names[1]}`",
                    old.at,
                    new.at.child("operationId"),
                )
            else:
                what = f"the operationId was `{names[0]}`, and is `{names[1] or 'none'}`"
                self.note(
                    "operation-id-changed", what, old.at.child("operationId"), new.at.child("operationId")
                )
        self._deprecated(old.at, new.at, "operation")
        tags = [strings(_seq(one.at.get("tags"))) for one in (old, new)]
        for tag in tags[1]:
            if tag not in tags[0]:
                self.note("tag-added", f"the tag `{tag}` was added", old.at, new.at.child("tags"))
        for tag in tags[0]:
            if tag not in tags[1]:
                self.note("tag-removed", f"the tag `{tag}` is gone", old.at.child("tags"), new.at)

    def _deprecated(self, old: At, new: At, kind: str) -> None:
        was, now = (one.get("deprecated") is True for one in (old, new))
        if was != now:
            rule = f"{kind}-{'deprecated' if now else 'undeprecated'}"
            self.note(
                rule, f"the {kind} is {'' if now else 'no longer '}deprecated", old, new.child("deprecated")
            )
        self._sunset(old, new)

    def _sunset(self, old: At, new: At) -> None:
        before, after = old.get("x-sunset"), new.get("x-sunset")
        places = old.child("x-sunset"), new.child("x-sunset")
        if before == after:
            return
        if after is not None and sunset(after) is None:
            self.note("sunset-unreadable", f"`x-sunset: {after}` is no date", *places)
            return
        days = sunset(before), sunset(after)
        if before is None or (days[0] is None and after is not None):
            self.note("sunset-added", f"it ends on {after}", *places)
        elif after is None and new.get("deprecated") is True:
            self.note("sunset-removed", f"it was to end on {before}", *places)
        elif after is not None and days[0] and days[1]:
            rule = "sunset-postponed" if days[1] > days[0] else "sunset-brought-forward"
            self.note(rule, f"it was to end on {before}, and ends on {after}", *places)

    # -- parameters ------------------------------------------------------------------------------------

    def _parameters(self, old: Operation, new: Operation) -> None:
        before, after = _parameters(old), _parameters(new)
        names = template_names(old.path), template_names(new.path)
        for one, other in zip(*names, strict=False):
            if one != other and ("path", one) in before and ("path", other) in after:
                places = before.pop(("path", one)), after.pop(("path", other))
                what = f"the path parameter `{one}` is called `{other}` now"
                self.note("path-parameter-renamed", what, *places)
                self._parameter(*places)
        for key in [key for key in before if key not in after]:
            moved = next((each for each in after if each[1] == key[1] and each not in before), None)
            if moved is not None:
                what = f"`{key[1]}` was sent in the {key[0]}, and is sent in the {moved[0]}"
                self.note("parameter-moved", what, before.pop(key), after.pop(moved))
        for key, at in before.items():
            if key not in after:
                rule, day = removal("parameter", at, self.today)
                self.note(rule, f"the {key[0]} parameter `{key[1]}`{day} is gone", at, new.at)
            else:
                self._parameter(at, after[key])
        for key, at in after.items():
            if key not in before:
                need = at.get("required") is True
                rule = "required-parameter-added" if need else "optional-parameter-added"
                how = "required" if need else "optional"
                what = f"the {key[0]} parameter `{key[1]}` was added, and is {how}"
                self.note(rule, what, old.at, at)

    def _parameter(self, old: At, new: At) -> None:
        name = new.get("name")
        was, now = (one.get("required") is True for one in (old, new))
        if was != now:
            rule = "parameter-became-required" if now else "parameter-became-optional"
            self.note(rule, f"`{name}` is {'required' if now else 'optional'} now", old, new)
        styles = _style(old), _style(new)
        if styles[0] != styles[1] and not _content(old) and not _content(new):
            what = f"`{name}` was written as {_spelt(styles[0])}, and is written as {_spelt(styles[1])}"
            self.note("parameter-style-changed", what, old, new)
        for key, rules in _FLAGS.items():
            if (old.get(key) is True) != (new.get(key) is True):
                rule = rules[0] if new.get(key) is True else rules[1]
                what = f"`{key}` of `{name}` is {'' if new.get(key) is True else 'no longer '}given"
                self.note(rule, what, old, new.child(key))
        self._deprecated(old, new, "parameter")
        media = _content(old), _content(new)
        if media[0] != media[1]:
            what = f"`{name}` was of {media[0] or 'no media type'}, and is of {media[1] or 'no media type'}"
            self.note("parameter-content-changed", what, old, new)
        self.schema(_schema_of(old), _schema_of(new), self.asks)

    # -- bodies ----------------------------------------------------------------------------------------

    def _body(self, old: At, new: At) -> None:
        before, after = old.child("requestBody").deref(), new.child("requestBody").deref()
        was, now = (isinstance(one.node, Map) for one in (before, after))
        need = after.get("required") is True
        if not was and not now:
            return
        if not was:
            rule = "required-body-added" if need else "body-added"
            self.note(
                rule, f"a request body was added, and is {'required' if need else 'optional'}", old, after
            )
            return
        if not now:
            self.note("body-removed", "the request body is gone", before, new)
            return
        if need != (before.get("required") is True):
            rule = "body-became-required" if need else "body-became-optional"
            self.note(rule, f"the request body is {'required' if need else 'optional'} now", before, after)
        self._media(before, after, self.asks)

    def _media(self, old: At, new: At, flow: Flow) -> None:
        before, after = (
            {_media_type(name): at.deref() for name, at in one.entries("content").items()}
            for one in (old, new)
        )
        for name, at in before.items():
            if name in after:
                self._one_media(name, at, after[name], flow)
            elif (range_ := _covering(name, after)) is not None:
                self._one_media(name, at, after[range_], flow)
            else:
                self.note("media-type-removed", f"`{name}` is gone", at, new, flow)
        for name, at in after.items():
            if name not in before and _covering(name, before) is None:
                self.note("media-type-added", f"`{name}` was added", old, at, flow)

    def _one_media(self, name: str, old: At, new: At, flow: Flow) -> None:
        flow = replace(flow, is_xml=name.endswith(("/xml", "+xml")))
        if (old.get("itemSchema") is None) != (new.get("itemSchema") is None):
            self.note("stream-items-changed", RULES["stream-items-changed"].what, old, new, flow)
        else:
            self.schema(old.child("itemSchema"), new.child("itemSchema"), flow)
        self.schema(old.child("schema"), new.child("schema"), flow)
        for key in ("encoding", "prefixEncoding", "itemEncoding"):
            if old.get(key) != new.get(key):
                self.note(
                    "encoding-changed",
                    f"`{key}` of `{name}` is another",
                    old.child(key),
                    new.child(key),
                    flow,
                )

    # -- responses -------------------------------------------------------------------------------------

    def _responses(self, old: At, new: At) -> None:
        before, after = (
            {name: at.deref() for name, at in one.entries("responses").items()} for one in (old, new)
        )
        for status in dict.fromkeys([*before, *after]):
            one, other = _answer(status, before), _answer(status, after)
            if one is not None and other is not None:
                self._response(status, one, other)
            elif one is not None:
                rule = "success-removed" if status[0] in "123" else "error-removed"
                self.note(rule, f"`{status}` is declared no more", one, new.child("responses"), self.answers)
            elif other is not None:
                rule = "success-added" if status[0] in "123" else "error-added"
                self.note(rule, f"`{status}` was added", old.child("responses"), other, self.answers)

    def _response(self, status: str, old: At, new: At) -> None:
        flow = self.answers
        was, now = bool(old.entries("content")), bool(new.entries("content"))
        if was != now:
            rule = "response-body-added" if now else "response-body-removed"
            self.note(rule, f"`{status}` has {'a' if now else 'no'} body now", old, new, flow)
        else:
            self._media(old, new, flow)
        self._headers(old, new)
        links = [{name: at.deref() for name, at in one.entries("links").items()} for one in (old, new)]
        for name in dict.fromkeys([*links[0], *links[1]]):
            one, other = links[0].get(name), links[1].get(name)
            if one is None or other is None:
                rule = "link-added" if one is None else "link-removed"
                self.note(
                    rule, f"the link `{name}` {'was added' if one is None else 'is gone'}", one, other, flow
                )
            elif _without_text(one) != _without_text(other):
                self.note("link-changed", f"the link `{name}` leads elsewhere", one, other, flow)

    def _headers(self, old: At, new: At) -> None:
        flow = self.answers
        before, after = (
            {name.lower(): (name, at.deref()) for name, at in one.entries("headers").items()}
            for one in (old, new)
        )
        for key, (name, at) in before.items():
            if key == "content-type":
                continue
            if key not in after:
                rule = "required-header-removed" if at.get("required") is True else "header-removed"
                self.note(rule, f"the header `{name}` is gone", at, new, flow)
                continue
            other = after[key][1]
            was, now = (one.get("required") is True for one in (at, other))
            if was != now:
                rule = "header-became-required" if now else "header-became-optional"
                self.note(
                    rule, f"the header `{name}` is {'always' if now else 'not always'} sent", at, other, flow
                )
            if (at.get("explode") is True, _content(at)) != (other.get("explode") is True, _content(other)):
                self.note(
                    "header-style-changed", f"the header `{name}` is written otherwise", at, other, flow
                )
            self.schema(_schema_of(at), _schema_of(other), flow)
        for key, (name, at) in after.items():
            if key not in before and key != "content-type":
                self.note("header-added", f"the header `{name}` was added", old, at, flow)

    # -- security --------------------------------------------------------------------------------------

    def _security(self, old: At, new: At) -> None:
        before, after = _requirements(old), _requirements(new)
        places = _security_place(old), _security_place(new)
        if before == after:
            return
        if () in map(tuple, before) and () not in map(tuple, after):
            self.note("security-added", f"one of {_shown(after)} is demanded now", *places)
            return
        if () in map(tuple, after) and () not in map(tuple, before):
            self.note("security-removed", "no credentials are demanded any more", *places)
            return
        for one in before:
            if any(_takes(other, one) for other in after):
                for other in after:
                    for scheme in one:
                        for scope in sorted(one[scheme] - other.get(scheme, frozenset())):
                            if set(one) == set(other) and _takes(other, one):
                                self.note(
                                    "scope-removed",
                                    f"the scope `{scope}` of `{scheme}` is demanded no more",
                                    *places,
                                )
                continue
            twin = next((other for other in after if set(other) == set(one)), None)
            if twin is None:
                self.note("security-alternative-removed", f"{_shown([one])} lets nobody in any more", *places)
                continue
            for scheme, scopes in twin.items():
                for scope in sorted(scopes - one[scheme]):
                    self.note("scope-added", f"the scope `{scope}` of `{scheme}` is demanded too", *places)
        for other in after:
            if not any(set(other) == set(one) for one in before):
                self.note("security-alternative-added", f"{_shown([other])} lets callers in too", *places)

    # -- callbacks -------------------------------------------------------------------------------------

    def _callbacks(self, old: At, new: At) -> None:
        before, after = (_sent(one) for one in (old, new))
        for key, one in before.items():
            if key not in after:
                self.note(
                    "callback-removed", f"the callback `{key[0]}` is sent no more", one.at, new, self.answers
                )
                continue
            inner = Operations(self.schemas, self.today)
            self.told += inner.compare_sent(one, after[key])
        for key, one in after.items():
            if key not in before:
                self.note("callback-added", f"the callback `{key[0]}` was added", old, one.at, self.answers)


_FLAGS = {
    "allowEmptyValue": ("parameter-empty-value-allowed", "parameter-empty-value-refused"),
    "allowReserved": ("parameter-reserved-changed", "parameter-reserved-changed"),
}


def sunset(value: object) -> date | None:
    """Return the day, in UTC, that `x-sunset` names as the generator reads it; None where it is none."""
    moment = moment_of(str(value))
    return None if moment is None else moment.date()


def removal(kind: Literal["operation", "parameter"], gone: At, today: date) -> tuple[str, str]:
    """Return the rule of a removal, by the day that was said, and words for that day."""
    day = sunset(gone.get("x-sunset"))
    if gone.get("deprecated") is not True or day is None:
        return f"{kind}-removed", ""
    when = "after" if day <= today else "before"
    return f"{kind}-removed-{when}-sunset", f", whose end was said to be {gone.get('x-sunset')},"


def _seq(node: object) -> Iterable[Any]:
    return node if isinstance(node, Seq) else ()


def _parameters(operation: Operation) -> dict[tuple[str, str], At]:
    found: dict[tuple[str, str], At] = {}
    for owner in (operation.item, operation.at):
        for entry in owner.items("parameters"):
            at = entry.deref()
            location, name = str(at.get("in")), str(at.get("name"))
            if location == "header" and name.lower() in _IGNORED:
                continue
            found[location, name.lower() if location == "header" else name] = at
    return found


def _style(at: At) -> tuple[str, bool]:
    location = str(at.get("in"))
    style = str(at.get("style") or STYLES.get(location, ("simple",))[0])
    explode = at.get("explode")
    return style, explode if isinstance(explode, bool) else style in ("form", "deepObject", "cookie")


def _spelt(style: tuple[str, bool]) -> str:
    return f"`{style[0]}`{' exploded' if style[1] else ''}"


def _content(at: At) -> str:
    return next((_media_type(name) for name in at.entries("content")), "")


def _schema_of(at: At) -> At:
    for inner in at.entries("content").values():
        return inner.deref().child("schema")
    return at.child("schema")


def _media_type(name: str) -> str:
    return ";".join(part.strip() for part in name.lower().split(";"))


def _covering(name: str, others: Iterable[str]) -> str | None:
    """Return the range among `others` that a media type falls into."""
    main = name.partition(";")[0]
    return next(
        (one for one in (main, f"{main.partition('/')[0]}/*", "*/*") if one in others and one != name), None
    )


def _answer(status: str, answers: dict[str, At]) -> At | None:
    """Return what is declared for a status: itself, its range, or the default."""
    wanted = (status,) if status == "default" else (status, f"{status[0]}XX", "default")
    return next((answers[one] for one in wanted if one in answers), None)


def _without_text(at: At) -> Any:
    node = plain(at.node)
    return (
        {key: value for key, value in node.items() if key != "description"}
        if isinstance(node, dict)
        else node
    )


def _security_place(at: At) -> At:
    return at.child("security") if at.get("security") is not None else at.contract.top.child("security")


def _requirements(at: At) -> list[dict[str, frozenset[str]]]:
    """Return the alternatives that let a caller in; nothing demanded is an empty one."""
    found: list[dict[str, frozenset[str]]] = []
    for one in _seq(_security_place(at).node):
        if isinstance(one, Map):
            found.append({name: frozenset(map(str, _seq(scopes))) for name, scopes in one.items()})
    return found or [{}]


def _takes(new: dict[str, frozenset[str]], old: dict[str, frozenset[str]]) -> bool:
    """Whether who satisfies `old` satisfies `new`."""
    return all(name in old and scopes <= old[name] for name, scopes in new.items())


def _shown(alternatives: list[dict[str, frozenset[str]]]) -> str:
    def text(one: dict[str, frozenset[str]]) -> str:
        parts = [
            f"`{name}`" + (f" ({', '.join(sorted(scopes))})" if scopes else "")
            for name, scopes in one.items()
        ]
        return " with ".join(parts) or "nothing"

    return ", ".join(map(text, alternatives))


def _sent(operation: At) -> dict[tuple[str, str], Operation]:
    """Return the callbacks of an operation by name, expression and method."""
    found: dict[tuple[str, str], Operation] = {}
    for name, entry in operation.entries("callbacks").items():
        callback = entry.deref()
        if isinstance(callback.node, Map):
            for expression in callback.node:
                item = callback.child(expression).deref()
                for one in operations_of(expression, item):
                    found[f"{name} {expression}", one.method] = one
    return found
