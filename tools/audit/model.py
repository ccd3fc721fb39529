"""Writes docs/threat-model.md from docs/threats.toml and the marks of the tests."""

from __future__ import annotations

from tools.audit.register import BOUNDARIES, ROOT, marked, threats

FILE = ROOT / "docs" / "threat-model.md"

HEAD = """# Threat model

Made from [threats.toml](threats.toml) by `python -m tools.audit.model`; edit that file. Threats are sorted by
the boundary that they come across and named by their STRIDE category. Each has tests, marked
`@pytest.mark.threat("<id>")`; `nox -s audit` runs them and writes what came out to `reports/audit.md`.

```mermaid
flowchart LR
    browser([browser, client, agent]) -- "1 HTTP, bearer token" --> service
    auth([auth server]) -- "2 keys (JWKS)" --> service
    subgraph host [container]
        service[handfast serve]
    end
    operator([operator]) -- "3 settings, secret files, migrations" --> service
    service -- "4 service role, owner per transaction" --> database[(PostgreSQL: row security)]
    operator -- "owner role" --> database
    service -- "5 JSON lines" --> logs[(logs, metrics)]
    packages([package registry]) -- "6 locked by hash" --> host
```

What is trusted: the auth server's keys, the operator, PostgreSQL and the kernel. What is not: anything that a
client sends, any other user of the service (`tenant`), and handlers that forget something. Out of scope:
whoever has the operator's rights or the memory of the process, denial of service by sheer volume (the edge's
work), and TLS, which ends before the service.
"""

COLUMNS = "| threat | what happens | what stands in the way | tests |\n|---|---|---|---|\n"


def render() -> str:
    """Return the page."""
    answered = marked()
    parts = [HEAD]
    for boundary in BOUNDARIES:
        parts.append(f"\n## Boundary: {boundary}\n\n{COLUMNS}")
        parts += [
            f"| `{threat.id}` | {threat.title}. | {threat.mitigation} | "
            + ", ".join(f"[{file.rpartition('/')[2]}](../{file})" for file in answered.get(threat.id, ()))
            + " |\n"
            for threat in sorted(threats(), key=lambda threat: threat.id)
            if threat.boundary == boundary
        ]
    return "".join(parts)


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
