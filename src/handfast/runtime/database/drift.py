"""Where a database does not isolate what its tables declare: pure judgements on a `Catalogue`.

What is looked at, and why it is a hole:

- the service's role: attributes, memberships, ownership and CREATE rights lead around row security;
- each owned table: row security, its policies and existence function, exactly as a migration writes them;
- keys and constraints that answer whether another user's row exists;
- rights that row security does not bind (TRUNCATE, REFERENCES, TRIGGER), and rights of PUBLIC;
- ways around a table: views, materialised views, SECURITY DEFINER functions, sequences, unknown tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import MetaData, Table

from handfast.runtime.database import audit, roles
from handfast.runtime.database.catalogue import Catalogue, Constraint, Function, Name, Policy, Relation
from handfast.runtime.database.owners import (
    USER_SETTING,
    Elevation,
    Sharing,
    Undeclared,
    elevation_of,
    owned_tables,
    owner_name,
    share_table_of,
    shares_in,
    sharing_of,
    single_key,
)
from handfast.runtime.database.policies import (
    ELEVATION_POLICY,
    GRANTED_POLICY,
    KEEPS_OWNER,
    OWNER_POLICY,
    PROBE_POLICY,
    READ_POLICY,
    WRITE_POLICY,
    existence_body,
    existence_function,
    keeper_body,
    keeper_function,
    quoted,
)
from handfast.runtime.database.usertable import USERS
from handfast.runtime.faults import Fault

_WRITES = frozenset({"select", "insert", "update", "delete"})
_UNBOUND = frozenset({"truncate", "references", "trigger"})
"""Rights on a table that row security does not bind."""
_EVERYTHING = frozenset(
    {
        "pg_read_all_data",
        "pg_write_all_data",
        "pg_read_server_files",
        "pg_write_server_files",
        "pg_execute_server_program",
    }
)
"""Predefined roles whose members read or write what is nobody's business."""
_OWNER_LIKE = frozenset({"user_id", "owner_id"})
_OWN_ROLE = (
    "let DATABASE_URL log in as a role that owns nothing: `handfast migrate --setup ADMIN_URL` makes one"
)

Wanted = tuple[str, bool, tuple[str, ...], str | None, str | None]


@dataclass(frozen=True, slots=True)
class Owned:
    """One declared table that belongs to users."""

    name: Name
    owner: str
    key: str | None
    """Its primary key, if that is one column beside the owner."""
    columns: frozenset[str]
    sharing: Sharing | None
    by_owner: str
    """The owner column of the table of shares."""
    held: Sharing | None
    """Set if its rows are shares of another table's rows."""
    elevation: Elevation | None

    @property
    def fix(self) -> str:
        """What a migration should run."""
        key = "" if self.key == "id" else f", key={self.key!r}".replace("'", '"')
        call = f'isolation.enable_row_security("{self.name[1]}", owner="{self.owner}"{key})'
        return f"run `{call}` in a new migration"


def role_faults(catalogue: Catalogue, service: str) -> Iterator[Fault]:
    """Yield what the service's role is or may become that row security does not bind."""
    unbound = sorted(catalogue.powers & {"superuser", "BYPASSRLS"})
    if unbound:
        yield Fault(
            f"the service's role `{service}` is a superuser or has BYPASSRLS: nothing is isolated", _OWN_ROLE
        )
        return
    for power in sorted(catalogue.powers):
        yield Fault(
            f"the service's role `{service}` has {power}, which leads around row security",
            f"run `alter role {service} no{power.lower()}`",
        )
    for member in catalogue.memberships:
        leave = f"run `revoke {member.name} from {service}`"
        if member.unbound:
            yield Fault(
                f"the service's role `{service}` can become `{member.name}`, which nothing is isolated from",
                _OWN_ROLE,
            )
        elif member.replicates:
            yield Fault(f"the service's role `{service}` can become `{member.name}`, which replicates", leave)
        elif member.name in _EVERYTHING or member.name == roles.PROBE:
            yield Fault(
                f"the service's role `{service}` is a member of `{member.name}`: it sees other users' rows",
                leave,
            )
        elif member.name == roles.ELEVATED and member.inherits:
            yield Fault(
                f"the service's role `{service}` inherits what `{roles.ELEVATED}` may: every statement is "
                "elevated",
                f"run `grant {roles.ELEVATED} to {service} with inherit false, set true`",
            )
    for power in sorted(catalogue.elevated_powers):
        yield Fault(
            f"the role `{roles.ELEVATED}` has {power}: its policies do not bind it",
            f"run `alter role {roles.ELEVATED} no{power.lower()}`",
        )
    for what in catalogue.owned:
        yield Fault(
            f"the service's role `{service}` owns {what}", "let the service log in as a role of its own"
        )
    for schema in catalogue.creates:
        yield Fault(
            f"the service's role `{service}` may create objects in the schema `{schema}`",
            f"run `revoke create on schema {quoted(schema)} from public, {service}`",
        )
    if catalogue.creates_schemas:
        yield Fault(
            f"the service's role `{service}` may create schemas in the database",
            f"revoke CREATE on the database from public and {service}",
        )


def bound(catalogue: Catalogue) -> bool:
    """Whether row security binds the service's role: if not, what it sees and may do tells nothing more."""
    return not (catalogue.powers & {"superuser", "BYPASSRLS"} or catalogue.owned)


def known_tables(catalogue: Catalogue, metadata: MetaData) -> list[Table]:
    """Return the project's tables, and the platform's own where a migration has made it."""
    tables = list(metadata.tables.values())
    made = (catalogue.path, USERS.name) in catalogue.relations
    return [*tables, USERS] if made and USERS not in tables else tables


def table_faults(catalogue: Catalogue, tables: Sequence[Table], service: str) -> list[Fault]:
    """Return where the declared tables, or what leads around them, are not as isolation needs them."""
    owned = {table.name: table for table in declared(catalogue, tables)}
    known = {_name(catalogue, table) for table in tables}
    faults: list[Fault] = []
    for table in tables:
        faults += _columns(catalogue, table)
        if _name(catalogue, table) not in owned:
            faults += _reference(catalogue, table, service)
    for one in owned.values():
        faults += _table(catalogue, one, service)
    faults += _constraints(catalogue, owned, known)
    faults += _around(catalogue, owned, known, service)
    faults += _audit(catalogue, owned, service)
    return faults


def declared(catalogue: Catalogue, tables: Iterable[Table]) -> Iterator[Owned]:
    """Yield those of `tables` that belong to users, under the names they have in the database."""
    for table, owner in owned_tables(tables):
        sharing, by_owner = sharing_of(table), ""
        if sharing is not None:
            try:
                by_owner = owner_name(share_table_of(table, sharing)) or ""
            except Undeclared:
                sharing = None  # told by the rules
        yield Owned(
            name=_name(catalogue, table),
            owner=owner.name,
            key=single_key(table),
            columns=frozenset(column.name for column in table.columns),
            sharing=sharing,
            by_owner=by_owner,
            held=shares_in(table),
            elevation=elevation_of(table),
        )


def _name(catalogue: Catalogue, table: Table) -> Name:
    return (table.schema or catalogue.path, table.name)


def _columns(catalogue: Catalogue, table: Table) -> Iterator[Fault]:
    """Yield the table and the columns that handlers count on and the database does not have."""
    relation = catalogue.relations.get(_name(catalogue, table))
    if relation is None:
        fix = "run `handfast migrate`, or write the migration for it"
        yield Fault(f"table `{table.name}` does not exist", fix)
        return
    for column in table.columns:
        if column.name not in relation.columns:
            yield Fault(
                f"`{table.name}.{column.name}` does not exist in the database",
                f'write a new migration: `op.add_column("{table.name}", sa.Column("{column.name}", ...))`',
            )


def _reference(catalogue: Catalogue, table: Table, service: str) -> Iterator[Fault]:
    """Yield the fault of a table that all users share and the service may not read."""
    relation = catalogue.relations.get(_name(catalogue, table))
    if relation is not None and "select" not in relation.rights:
        yield Fault(
            f"the service role `{service}` may not read `{table.name}`, which everybody shares",
            f'run `isolation.share_table("{table.name}")` in a new migration; `writable=True` lets it write',
        )


def _table(catalogue: Catalogue, table: Owned, service: str) -> Iterator[Fault]:
    name = table.name[1]
    relation = catalogue.relations.get(table.name)
    if relation is None:
        return
    if not relation.enabled and not any(policy.table == table.name for policy in catalogue.policies):
        yield Fault(f"row security of `{name}` is not enabled: nothing isolates it", table.fix)
        return
    if not relation.enabled:
        yield Fault(f"row security of `{name}` is not enabled", table.fix)
    if not relation.forced:
        yield Fault(f"row security of `{name}` is not forced: its owner sees all rows", table.fix)
    if relation.owned:
        yield Fault(
            f"the service role `{service}` owns `{name}`, or can become the role that does",
            "let the service log in as a role of its own",
        )
    if not relation.rights >= _WRITES:
        yield Fault(f"the service role `{service}` may not read and write `{name}`", table.fix)
    if not relation.owned:
        yield from _rights(relation, table, service)
    yield from _policies(catalogue, table)
    yield from _existence(catalogue, table)
    yield from _keeper(catalogue, table)


def _rights(relation: Relation, table: Owned, service: str) -> Iterator[Fault]:
    """Yield the rights on an owned table that nobody should have."""
    name = relation.name[1]
    for right in sorted((relation.rights | relation.partial) & _UNBOUND):
        yield Fault(
            f"the service role `{service}` has {right.upper()} on `{name}`, which row security does not bind",
            f"run `revoke {right} on {name} from public, {service}`",
        )
    for right in sorted(relation.public):
        yield Fault(
            f"everybody (PUBLIC) has {right.upper()} on `{name}`", f"run `revoke all on {name} from public`"
        )
    probed = {table.key} if table.key is not None else set()
    for column in sorted(relation.probe - probed):
        yield Fault(
            f"the probe may read `{name}.{column}`, not only the key",
            f'run `isolation.disable_row_security("{name}")` in a new migration, then {table.fix}',
        )
    allowed = {"read": frozenset({"select"}), "write": _WRITES, None: frozenset[str]()}[table.elevation]
    for right in sorted(relation.elevated - allowed):
        yield Fault(
            f"elevated statements have {right.upper()} on `{name}`, which its class does not declare",
            'run `isolation.forbid_elevation("' + name + '")` in a new migration, or declare `__elevation__`',
        )


def _policies(catalogue: Catalogue, table: Owned) -> Iterator[Fault]:
    name = table.name[1]
    wanted = _wanted(table)
    found = {policy.name: policy for policy in catalogue.policies if policy.table == table.name}
    for policy in sorted(wanted.keys() | found.keys()):
        fix = _policy_fix(policy, table)
        if policy not in found:
            yield Fault(f"policy `{policy}` of `{name}` is missing", fix)
        elif policy not in wanted:
            # Permissive policies add up: each one more shows more rows. Restrictive ones only take away.
            if found[policy].permissive:
                undeclared = policy in (ELEVATION_POLICY, READ_POLICY, WRITE_POLICY, GRANTED_POLICY)
                why = " and is not declared" if undeclared else ""
                yield Fault(
                    f"policy `{policy}` of `{name}` lets more through{why}",
                    fix if undeclared else "drop it, or make it restrictive",
                )
        elif _as_wanted(found[policy], table) != wanted[policy]:
            yield Fault(f"policy `{policy}` of `{name}` is not what Handfast wrote", fix)


def _policy_fix(policy: str, table: Owned) -> str:
    name = table.name[1]
    if policy == ELEVATION_POLICY:
        if table.elevation is None:
            return (
                f'run `isolation.forbid_elevation("{name}")` in a new migration, or declare `__elevation__`'
            )
        write = ", write=True" if table.elevation == "write" else ""
        return f'run `isolation.allow_elevation("{name}"{write})` in a new migration'
    if policy in (READ_POLICY, WRITE_POLICY, GRANTED_POLICY):
        if policy == GRANTED_POLICY or table.sharing is None:
            calls = "`isolation.enable_sharing(...)` or `isolation.disable_sharing(...)`"
            return f"run {calls} in a new migration, as declared"
        by = table.sharing.by
        call = f'isolation.enable_sharing("{name}", owner="{table.owner}", by="{by}", ...)'
        return f"run `{call}` in a new migration"
    return table.fix


def _wanted(table: Owned) -> dict[str, Wanted]:
    """Return the policies that `table` should have, as PostgreSQL prints them."""
    own = _mine(_rendered(table.owner))
    wanted: dict[str, Wanted] = {OWNER_POLICY: ("*", True, ("public",), own, own)}
    if table.key is not None:
        wanted[PROBE_POLICY] = ("r", True, (roles.PROBE,), "true", None)
    if table.elevation is not None:
        write = table.elevation == "write"
        check = "true" if write else None
        wanted[ELEVATION_POLICY] = ("*" if write else "r", True, (roles.ELEVATED,), "true", check)
    if table.held is not None:
        mine = _mine(_rendered(table.held.grantee))
        wanted[GRANTED_POLICY] = ("r", True, ("public",), mine, None)
    if table.sharing is not None:
        read, write_ = _shared(table, table.sharing, False), _shared(table, table.sharing, True)
        wanted[READ_POLICY] = ("r", True, ("public",), read, None)
        wanted[WRITE_POLICY] = ("w", True, ("public",), write_, write_)
    return wanted


def _mine(column: str) -> str:
    setting = f"( SELECT current_setting('{USER_SETTING}'::text, true) AS current_setting)"
    return f"({column} = (NULLIF({setting}, ''::text))::uuid)"


def _shared(table: Owned, sharing: Sharing, write: bool) -> str:
    share, name = "handfast_share", _rendered(table.name[1])
    conditions = [
        f"({share}.{_rendered(table.by_owner)} = {name}.{_rendered(table.owner)})",
        f"({share}.{_rendered(sharing.key)} = {name}.{_rendered(table.key or '')})",
        _mine(f"{share}.{_rendered(sharing.grantee)}"),
        *([f"{share}.{_rendered(sharing.writable)}"] if write else []),
    ]
    return f"(EXISTS ( SELECT FROM {_rendered(sharing.by)} {share} WHERE ({' AND '.join(conditions)})))"


def _as_wanted(policy: Policy, table: Owned) -> Wanted:
    """Return what `policy` says, its expressions without line breaks and without the table's schema."""

    def plain(text: str | None) -> str | None:
        if text is None:
            return None
        return " ".join(text.split()).replace(f"{_rendered(table.name[0])}.", "")

    return (policy.command, policy.permissive, policy.roles, plain(policy.using), plain(policy.check))


def _existence(catalogue: Catalogue, table: Owned) -> Iterator[Fault]:
    name = existence_function(table.name[1])
    if table.key is None:
        return
    found = _function(catalogue.functions, (table.name[0], name))
    body = existence_body(*table.name, table.key)
    if found != Function((table.name[0], name), roles.PROBE, True, True, body):
        yield Fault(
            f"the existence function of `{table.name[1]}` is missing, or has the wrong owner, rights or body",
            table.fix,
        )


def _function(functions: Iterable[Function], name: Name) -> Function | None:
    return next((function for function in functions if function.name == name), None)


def _keeper(catalogue: Catalogue, table: Owned) -> Iterator[Fault]:
    """Yield the fault of a shared table whose rows could change their owner."""
    if table.sharing is None:
        return
    schema, name = table.name
    owner = _rendered(table.owner)
    definition = (
        f"CREATE TRIGGER {KEEPS_OWNER} AFTER UPDATE ON {_rendered(name)} FOR EACH ROW "
        f"WHEN (old.{owner} IS DISTINCT FROM new.{owner}) "
        f"EXECUTE FUNCTION {_rendered(keeper_function(name))}()"
    )
    for trigger in catalogue.triggers:
        plain = " ".join(trigger.definition.split()).replace(f"{_rendered(schema)}.", "")
        if (
            (trigger.table, plain) == (table.name, definition)
            and trigger.enabled
            and trigger.source.strip() == keeper_body(table.owner)
        ):
            return
    yield Fault(
        f"the trigger `{KEEPS_OWNER}` of `{name}` is missing or changed: whom a row is shared with could "
        "take it over",
        _policy_fix(READ_POLICY, table),
    )


def _constraints(catalogue: Catalogue, owned: Mapping[Name, Owned], known: set[Name]) -> Iterator[Fault]:
    """Yield the keys and constraints whose violation tells one user of another's row."""
    for constraint in sorted(catalogue.constraints, key=lambda one: (one.table, one.name)):
        table = owned.get(constraint.table)
        if constraint.kind == "f":
            yield from _foreign_key(constraint, owned, catalogue)
        elif table is not None and constraint.kind != "p" and not _leads(constraint, table.owner):
            kind = "exclusion constraint" if constraint.kind == "x" else "unique constraint"
            yield Fault(
                f"{kind} `{constraint.name}` of `{table.name[1]}` does not lead with `{table.owner}`: "
                "a conflict would tell one user of another's row",
                f"make it ({table.owner}, ...) in a new migration",
            )


def _leads(constraint: Constraint, owner: str) -> bool:
    first = constraint.columns[:1] == (owner,)
    return first and (constraint.kind != "x" or constraint.operators[:1] == ("=",))


def _foreign_key(
    constraint: Constraint, owned: Mapping[Name, Owned], catalogue: Catalogue
) -> Iterator[Fault]:
    target = None if constraint.other is None else owned.get(constraint.other)
    source = owned.get(constraint.table)
    relation = catalogue.relations.get(constraint.table)
    if target is None or relation is None:
        return
    if source is None and not (relation.rights | relation.partial) & {"insert", "update"}:
        return  # the service cannot ask with it
    pairs = dict(zip(constraint.columns, constraint.other_columns, strict=True))
    if source is None or pairs.get(source.owner) != target.owner:
        owner = source.owner if source is not None else target.owner
        yield Fault(
            f"foreign key `{constraint.name}` of `{constraint.table[1]}` to `{target.name[1]}` does not "
            "include the owner: it would tell whether another user's row exists",
            f"make it ({owner}, ...) references {target.name[1]} ({target.owner}, ...) in a new migration",
        )


def _around(
    catalogue: Catalogue, owned: Mapping[Name, Owned], known: set[Name], service: str
) -> Iterator[Fault]:
    """Yield what leads around the declared tables."""
    owner_like = _OWNER_LIKE | {table.owner for table in owned.values()}
    existence = {(table.name[0], existence_function(table.name[1])) for table in owned.values()}
    for name in sorted(catalogue.relations):
        relation = catalogue.relations[name]
        usable = relation.rights | relation.partial
        if relation.kind == "S":
            for right in sorted(relation.rights & {"select", "update"}):
                does = "shows how many rows all users make" if right == "select" else "may set it back"
                yield Fault(
                    f"the service role `{service}` has {right.upper()} on sequence `{name[1]}`: it {does}",
                    f"leave USAGE alone: `revoke {right} on sequence {name[1]} from public, {service}`",
                )
        elif relation.kind in ("v", "m"):
            if usable:
                yield from _view(catalogue, relation, owned)
        elif name not in known and usable and name != (catalogue.path, audit.TABLE):
            for column in sorted(owner_like & set(relation.columns)):
                yield Fault(
                    f"the service may use the table `{name[1]}`, which has a column `{column}` but which no "
                    "class declares",
                    f"declare it with `__owner__` and isolate it, or revoke it from public and {service}",
                )
                break
    for function in sorted(catalogue.functions, key=lambda one: one.name):
        if function.executable and function.name not in existence:
            yield Fault(
                f"the service may execute `{function.name[1]}`, which is SECURITY DEFINER: it acts as "
                f"`{function.owner}`",
                "make it SECURITY INVOKER, or revoke EXECUTE from public and the service",
            )


def _view(catalogue: Catalogue, view: Relation, owned: Mapping[Name, Owned]) -> Iterator[Fault]:
    read = sorted(name[1] for name in _read_by(catalogue, view.name) if name in owned)
    if not read:
        return
    tables = ", ".join(f"`{name}`" for name in read)
    if view.kind == "m":
        yield Fault(
            f"the materialised view `{view.name[1]}` keeps rows of {tables} outside row security",
            "revoke it from the service, or make it a view with security_invoker",
        )
    elif not view.invoker:
        yield Fault(
            f"the view `{view.name[1]}` shows {tables} with its owner's rights",
            f"run `alter view {view.name[1]} set (security_invoker = true)` in a new migration",
        )


def _read_by(catalogue: Catalogue, view: Name) -> set[Name]:
    """Return every relation that `view` reads, through other views too."""
    found: set[Name] = set()
    pending = [view]
    while pending:
        relation = catalogue.relations.get(pending.pop())
        for name in () if relation is None else relation.reads:
            if name not in found:
                found.add(name)
                pending.append(name)
    return found


def _audit(catalogue: Catalogue, owned: Mapping[Name, Owned], service: str) -> Iterator[Fault]:
    """Yield what is wrong with the trail of elevated statements, once there may be any."""
    relation = catalogue.relations.get((catalogue.path, audit.TABLE))
    if relation is None:
        if any(table.elevation is not None for table in owned.values()):
            yield Fault(
                f"table `{audit.TABLE}` does not exist, so nothing can be elevated",
                "run `isolation.create_audit_table()` in a new migration",
            )
        return
    fix = f"run `revoke all on {audit.TABLE} from public, {service}, {roles.ELEVATED}`, then "
    fix += f"`grant insert on {audit.TABLE} to {service}`"
    usable = relation.rights | relation.partial
    if "insert" not in relation.rights:
        yield Fault(f"the service role `{service}` may not write `{audit.TABLE}`", fix)
    for right in sorted((usable | relation.elevated) - {"insert"}):
        yield Fault(f"the service has {right.upper()} on `{audit.TABLE}`, which it may only add to", fix)


def _rendered(name: str) -> str:
    """Return `name` as PostgreSQL prints identifiers: quoted only where it must be."""
    plain = (
        name.isascii()
        and name.replace("_", "a").isalnum()
        and not name[:1].isdigit()
        and name == name.lower()
    )
    return name if plain else quoted(name)
