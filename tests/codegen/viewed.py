"""The typed view of generated code against the contract: what is valid must be seen and given back whole."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from pydantic import ValidationError, create_model

from handfast.codegen.ir import Feature
from handfast.codegen.output import generate
from handfast.runtime.contract import Contract
from handfast.runtime.views import Inputs, Model, jsonable
from tests.codegen.generated import write_project
from tests.codegen.instances import Maker


@contextmanager
def imported(root: Path) -> Iterator[None]:
    """Let `generated` mean the one below `root` for a while."""
    own = ("generated", "handlers")
    saved = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in own}
    sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(root))
        for name in list(sys.modules):
            if name.split(".")[0] in own:
                del sys.modules[name]
        sys.modules.update(saved)


@dataclass(slots=True)
class Tally:
    """What a run has seen."""

    valid: int = 0
    tried: int = 0
    faults: list[str] = field(default_factory=list)


def hold(root: Path, feature: Feature, *, tries: int, seed: int = 1) -> Tally:
    """Generate `feature` below `root` and hold its bodies and parameters against its schemas."""
    write_project(root, {str(feature.name): feature}, generate([feature], root=root))
    tally = Tally()
    with imported(root):
        routes = importlib.import_module(f"generated.{feature.name}.routes")
        contract = Contract.read(root / "generated" / feature.name / "contract.json")
        maker = Maker(contract.schemas, seed)
        for inputs, name, schema in _inputs(feature, routes, contract):
            hint = get_type_hints(inputs, include_extras=True)[name]
            fields: dict[str, Any] = {name: (hint, ...)}
            one = create_model("One", __base__=Inputs, **fields)
            for _ in range(tries):
                _try(one, f"{inputs.__name__}.{name}", name, schema, contract, maker, tally)
    return tally


def _inputs(
    feature: Feature, routes: ModuleType, contract: Contract
) -> Iterator[tuple[type[Inputs], str, str]]:
    """Each input of each operation that a JSON value describes: class, attribute and schema."""
    classes = {cls.__name__: cls for cls in vars(routes).values() if isinstance(cls, type)}
    by_fields = {
        cls.__doc__.split("`")[1]: cls
        for cls in classes.values()
        if issubclass(cls, Inputs) and cls is not Inputs and cls.__doc__
    }
    for operation in feature.operations:
        cls = by_fields.get(operation.name)
        spec = contract.operations[operation.name]
        for parameter in spec.parameters:
            if cls is not None and parameter.schema is not None:
                yield cls, parameter.name, parameter.schema
        for media in spec.body.media if spec.body else ():
            if cls is not None and media.kind in ("json", "form") and media.schema is not None:
                yield cls, "body", media.schema


def _try(
    one: type[Inputs], place: str, name: str, schema: str, contract: Contract, maker: Maker, tally: Tally
) -> None:
    value = maker.make({"$ref": f"#/$defs/{schema}"})
    tally.tried += 1
    if not contract.request.named(schema).is_valid(value):
        return
    tally.valid += 1
    try:
        made = one.__pydantic_validator__.validate_python(
            {name: value}, context=contract.request, by_alias=True, by_name=False
        )
    except ValidationError as error:
        tally.faults.append(f"{place}: {value!r} is no {one.model_fields[name].annotation}: {error}"[:1500])
        return
    back = jsonable(getattr(made, name))
    if not same(back, value):
        tally.faults.append(f"{place}: {value!r} comes back as {back!r}"[:1500])
    for model in models_in(getattr(made, name)):
        cls = type(model).__name__
        if cls in contract.schemas and not contract.request.named(cls).is_valid(jsonable(model)):
            tally.faults.append(f"{place}: {value!r} is seen as {model!r}, which is no {cls}"[:1500])


def models_in(value: object) -> Iterator[Model]:
    """Every model in `value`, itself included."""
    if isinstance(value, Model):
        yield value
        value = list(value.__dict__.values())
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from models_in(one)


def same(left: object, right: object) -> bool:
    """Whether two JSON values are equal: 1 is 1.0 but not true, and a text is each of its characters."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return left == right
