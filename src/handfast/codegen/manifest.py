"""Names of what is generated, and the list of it by which a file edited by hand is told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import handfast
from handfast.codegen.ir import Json

MANIFEST = "generated/MANIFEST.json"
LEGALISATION = "contracts/legalisation.yaml"


def manifest(files: Mapping[str, str]) -> str:
    """Return the list of `files` with their hashes, by which a hand-edited one is told."""
    hashes: dict[str, Json] = {path: digest(files[path]) for path in sorted(files) if path != MANIFEST}
    return to_json({"tool": "handfast", "version": handfast.__version__, "files": hashes})


def digest(text: str) -> str:
    """Return the hash of a file's text that MANIFEST.json holds."""
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def to_json(value: Json) -> str:
    """Return `value` as readable JSON; characters stay as they are unless UTF-8 cannot hold them."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2, allow_nan=False)
    return text + "\n"
