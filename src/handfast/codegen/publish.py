"""The published contract: the authors' documents and, as an overlay, what the platform answers besides."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handfast.codegen import deprecation
from handfast.codegen import overlay as overlays
from handfast.codegen.answers import Answers, actions, answers
from handfast.codegen.identified import relocate
from handfast.codegen.ir import Feature, Json, PyName
from handfast.codegen.merge import merged


@dataclass(frozen=True, slots=True)
class Published:
    """What consumers get, and the overlay that tells it from what the authors wrote."""

    source: Json
    document: Json
    overlay: Json
    added: Mapping[PyName, tuple[Answers, ...]]
    """Feature → the answers that the platform gives in it."""


def publish(features: Sequence[Feature]) -> Published:
    """Return the published contract of a project; `document` minus `overlay` is `source`."""
    source = merged(features) if features else _empty()
    relocate(source)
    added = {feature.name: answers(feature, source) for feature in features}
    everything = tuple(one for feature in features for one in added[feature.name])
    operations = [operation for feature in features for operation in feature.operations]
    single = features[0] if len(features) == 1 else None
    overlay = overlays.document(
        title="What the service answers where the contract is silent",
        version=features[0].version if features else "0",
        extends=None if single is None else posixpath.relpath(single.file, "contracts"),
        actions=[*actions(source, everything), *deprecation.actions(source, operations, everything)],
    )
    return Published(source, overlays.apply(source, overlay), overlay, added)


def _empty() -> dict[str, Json]:
    return {"openapi": "3.1.0", "info": {"title": "No contract yet", "version": "0"}, "paths": {}}
