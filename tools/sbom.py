"""The software bill of materials: every locked package of a running service, as CycloneDX 1.6 JSON.

The build of the wheel writes it (`hatchling` loads this file as its hook) into `*.dist-info/sboms/`, where
PEP 770 puts it. It is made from `requirements/runtime.txt` and `requirements/licences.lst` alone: same lock,
same bytes, with no clock, serial number or path in it. Only the standard library and hatchling are imported.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAME = "handfast.cdx.json"
SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_ENTRY = re.compile(r"^(?P<name>[a-z0-9.-]+)==(?P<version>\S+?)(?: ; (?P<marker>.+?))? \\$", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(lock: str, licences: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return one component for each package of a lock file, by name.

    A package has the hashes of all its files (one wheel a platform, and the source); one that is installed
    on some platforms only carries its marker as a property. `licences`: name -> SPDX expression or words.
    """
    found = []
    entries = list(_ENTRY.finditer(lock))
    for entry, following in zip(entries, [*entries[1:], None], strict=True):
        end = len(lock) if following is None else following.start()
        name, version, marker = entry["name"], entry["version"], entry["marker"]
        purl = f"pkg:pypi/{name}@{version}"
        component: dict[str, Any] = {
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
            "hashes": [
                {"alg": "SHA-256", "content": digest}
                for digest in sorted(_HASH.findall(lock, entry.end(), end))
            ],
        }
        if licence := licences.get(name):
            component["licenses"] = [_licence(licence)]
        if marker:
            component["properties"] = [{"name": "handfast:marker", "value": marker}]
        found.append(component)
    return sorted(found, key=lambda component: str(component["name"]))


def _licence(text: str) -> dict[str, Any]:
    if re.fullmatch(r"[A-Za-z0-9.+()-]+( (AND|OR|WITH) [A-Za-z0-9.+()-]+)*", text):
        return {"expression": text}
    return {"license": {"name": text}}


def document(version: str, lock: str, licences: Mapping[str, str]) -> dict[str, Any]:
    """Return the bill of materials of Handfast `version`."""
    parts = components(lock, licences)
    root = f"pkg:pypi/handfast@{version}"
    return {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "component": {
                "type": "framework",
                "bom-ref": root,
                "name": "handfast",
                "version": version,
                "purl": root,
                "licenses": [{"expression": "Apache-2.0"}],
            },
        },
        "components": parts,
        "dependencies": [{"ref": root, "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def read_licences(text: str) -> dict[str, str]:
    """Read `name: licence` lines."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: licence.strip() for name, _, licence in (line.partition(":") for line in lines)}


def render(root: Path, version: str) -> str:
    """Return the bill of materials of the sources in `root` as text."""
    folder = root / "requirements"
    lock = (folder / "runtime.txt").read_text(encoding="ascii")
    licences = read_licences((folder / "licences.lst").read_text(encoding="utf-8"))
    return json.dumps(document(version, lock, licences), indent=2) + "\n"


class Hook(BuildHookInterface[BuilderConfig]):
    """Puts the bill of materials into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write it beside the build and name it to hatchling; an editable installation has none."""
        if version == "editable":
            return
        file = Path(tempfile.mkdtemp()) / NAME
        file.write_text(render(Path(self.root), self.metadata.version), encoding="utf-8")
        build_data["sbom_files"].append(str(file))
        self._made = file

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Take the file away again."""
        if version != "editable":
            self._made.unlink()
            self._made.parent.rmdir()
