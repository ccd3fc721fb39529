"""Loaded contracts → everything that may be said about them."""

from __future__ import annotations

from collections.abc import Mapping

from handfast.codegen import check as structure
from handfast.codegen.ir import Finding
from handfast.codegen.project import Loaded
from handfast.codegen.report import Report
from handfast.lint import bounds, components, operations, secrets
from handfast.lint.places import places


def lint(loaded: Loaded, off: Mapping[str, str] | None = None) -> tuple[Finding, ...]:
    """Return the findings of generation and those of the rules, by place, without the codes in `off`.

    What stops generation cannot be switched off.
    """
    off = off or {}
    # What is wrong with the structure has been told when the contracts were read.
    checked = [structure.check(bundle, Report()) for bundle in loaded.bundles.values()]
    in_use = {source for root in checked for source in components.used(root)}
    report = Report()
    for root in checked:
        found = places(root)
        operations.check(found, report)
        bounds.check(found, report)
        components.check(root, in_use, report)
        secrets.check(root, report)
    every = {*loaded.findings, *report.findings}
    return tuple(sorted(finding for finding in every if finding.fatal or finding.code not in off))
