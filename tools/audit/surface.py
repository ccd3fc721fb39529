"""What there is to attack: operations with their security, and tables with their policies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from handfast.runtime.database import throwaway
from handfast.runtime.database.health import inspect
from tools.audit.register import ROOT

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
TOKENS = ("oauth2", "openIdConnect")

_TABLES = """
select c.relname, c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner),
       array(select p.polname::text from pg_policy p where p.polrelid = c.oid order by p.polname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p') and c.relname <> 'alembic_version' order by c.relname
"""


def operations(root: Path, answered: Mapping[str, set[int]]) -> list[dict[str, Any]]:
    """Return each published operation: its schemes and scopes, and which refusals were seen."""
    document = json.loads((root / "generated" / "openapi.json").read_text(encoding="utf-8"))
    schemes = document.get("components", {}).get("securitySchemes", {})
    found = []
    for path, entry in document["paths"].items():
        for method in METHODS:
            if method not in entry:
                continue
            operation = entry[method]
            alternatives = operation.get("security", document.get("security", []))
            name = operation.get("operationId", f"{method} {path}")
            scopes = sorted({scope for one in alternatives for granted in one.values() for scope in granted})
            statuses = answered.get(name, set())
            public = not any(alternatives)
            found.append(
                {
                    "operation": name,
                    "method": method.upper(),
                    "path": path,
                    "schemes": [
                        " + ".join(f"{scheme} ({checked_by(schemes.get(scheme, {}))})" for scheme in one)
                        or "none"
                        for one in alternatives
                    ],
                    "scopes": scopes,
                    "public": public,
                    "refused_401": 401 in statuses,
                    "refused_403": 403 in statuses,
                    "needs_403": "403" in operation.get("responses", {}),
                }
            )
    return found


def checked_by(scheme: Mapping[str, Any]) -> str:
    """Return who checks the credentials of `scheme`."""
    bearer = scheme.get("type") == "http" and str(scheme.get("scheme", "")).lower() == "bearer"
    return (
        "the service's tokens"
        if bearer or scheme.get("type") in TOKENS
        else "an authenticator of the project"
    )


def tables() -> tuple[list[dict[str, Any]], str]:
    """Return each table of a freshly migrated database with its policies, and PostgreSQL's version."""
    from sqlmodel import SQLModel

    from handlers.task_management import tables as declared  # noqa: F401 - declares its tables by being imported

    with throwaway.server() as server:
        dsns = throwaway.database(server, root=ROOT)
        faults = [str(fault.what) for fault in inspect(dsns.service, SQLModel.metadata, ROOT)]
        with psycopg.connect(dsns.owner) as connection:
            rows = connection.execute(_TABLES).fetchall()
            version = str(connection.info.server_version)
    return [
        {
            "table": name,
            "row_security": enabled,
            "forced": forced,
            "owner": owner,
            "policies": policies,
            "faults": [fault for fault in faults if f"`{name}`" in fault],
        }
        for name, enabled, forced, owner, policies in rows
    ], f"{version[:-4]}.{int(version[-4:])}"
