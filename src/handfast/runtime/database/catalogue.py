"""What PostgreSQL's catalogues say of everything that isolation depends on, in one query.

`drift` judges it. The query reads catalogues only, so any role that may connect can ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString

from handfast.runtime.database import roles

Name = tuple[str, str]
"""Schema and name."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view, materialised view, foreign table or sequence."""

    name: Name
    kind: str
    """As in `pg_class.relkind`."""
    enabled: bool
    forced: bool
    invoker: bool
    """Of a view: it reads with the rights of whoever reads it."""
    owned: bool
    """The service may act as its owner."""
    rights: frozenset[str]
    """What the service may do with all of it."""
    partial: frozenset[str]
    """What the service may do with at least one column."""
    public: frozenset[str]
    """What is granted to PUBLIC on it or on a column of it."""
    probe: frozenset[str]
    """Columns that the probe may read."""
    elevated: frozenset[str]
    """What the elevated role may do with at least one column."""
    columns: tuple[str, ...]
    reads: tuple[Name, ...]
    """Of a view: the relations in its query."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A row-security policy, its expressions as PostgreSQL prints them."""

    table: Name
    name: str
    command: str
    """As in `pg_policy.polcmd`."""
    permissive: bool
    roles: tuple[str, ...]
    using: str | None
    check: str | None


@dataclass(frozen=True, slots=True)
class Constraint:
    """A foreign key (`f`), an exclusion constraint (`x`) or a unique index (`u`); `p` is a primary key's."""

    table: Name
    name: str
    kind: str
    columns: tuple[str | None, ...]
    """None for an expression."""
    other: Name | None = None
    other_columns: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A SECURITY DEFINER function that comes with no extension."""

    name: Name
    owner: str
    trusted: bool
    """Its owner is bound by row security."""
    executable: bool
    source: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger of Handfast's."""

    table: Name
    definition: str
    enabled: bool
    source: str


@dataclass(frozen=True, slots=True)
class Membership:
    """A role that the service is a member of."""

    name: str
    unbound: bool
    """Row security does not bind it."""
    replicates: bool
    inherits: bool
    becomes: bool


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything at one moment."""

    powers: frozenset[str]
    """Attributes of the service's role that it should not have."""
    memberships: tuple[Membership, ...]
    elevated_powers: frozenset[str]
    owned: tuple[str, ...]
    """What the service owns, as PostgreSQL describes it."""
    creates: tuple[str, ...]
    """Schemas that the service may create objects in."""
    creates_schemas: bool
    path: str
    """The schema that unqualified names are looked up in first."""
    relations: Mapping[Name, Relation]
    policies: tuple[Policy, ...]
    constraints: tuple[Constraint, ...]
    functions: tuple[Function, ...]
    triggers: tuple[Trigger, ...]


def parse(document: dict[str, Any]) -> Catalogue:
    """Return what the one column of `QUERY`'s one row says."""
    relations = [
        Relation(
            **{
                **found,
                "name": tuple(found["name"]),
                "columns": tuple(found["columns"]),
                "reads": tuple(map(tuple, found["reads"])),
                **{
                    key: frozenset(found[key]) for key in ("rights", "partial", "public", "probe", "elevated")
                },
            }
        )
        for found in document["relations"]
    ]
    return Catalogue(
        powers=frozenset(document["powers"]),
        memberships=tuple(Membership(**found) for found in document["memberships"]),
        elevated_powers=frozenset(document["elevated_powers"]),
        owned=tuple(document["owned"]),
        creates=tuple(document["creates"]),
        creates_schemas=document["creates_schemas"],
        path=document["path"] or "",
        relations={relation.name: relation for relation in relations},
        policies=tuple(
            Policy(**{**found, "table": tuple(found["table"]), "roles": tuple(found["roles"])})
            for found in document["policies"]
        ),
        constraints=tuple(
            Constraint(
                table=tuple(found["table"]),
                name=found["name"],
                kind=found["kind"],
                columns=tuple(found["columns"]),
                other=tuple(found["other"]) if found.get("other") else None,
                other_columns=tuple(found.get("other_columns") or ()),
                operators=tuple(found.get("operators") or ()),
            )
            for found in document["constraints"]
        ),
        functions=tuple(
            Function(**{**found, "name": tuple(found["name"])}) for found in document["functions"]
        ),
        triggers=tuple(
            Trigger(**{**found, "table": tuple(found["table"])}) for found in document["triggers"]
        ),
    )


def parameters(service: str) -> dict[str, str]:
    """Return the parameters of `QUERY`; `service` is the role that answers requests."""
    return {"service": service, "probe": roles.PROBE, "elevated": roles.ELEVATED}


QUERY: LiteralString = """
with service as (
  select * from pg_roles where rolname = %(service)s
), others as (
  select to_regrole(quote_ident(%(probe)s))::oid as probe,
         to_regrole(quote_ident(%(elevated)s))::oid as elevated
), rights(p) as (
  values ('select'), ('insert'), ('update'), ('delete'), ('truncate'), ('references'), ('trigger')
), schemas as (
  select oid, nspname, has_schema_privilege(%(service)s, oid, 'usage') as usable
  from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
), relations as (
  select c.*, n.nspname, n.usable from pg_class c join schemas n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
), attributes as (
  select a.* from pg_attribute a join relations c on c.oid = a.attrelid
  where a.attnum > 0 and not a.attisdropped
)
select jsonb_build_object(
'powers', (
  select array_remove(array[
    case when rolsuper then 'superuser' end, case when rolbypassrls then 'BYPASSRLS' end,
    case when rolreplication then 'REPLICATION' end, case when rolcreaterole then 'CREATEROLE' end], null)
  from service),
'elevated_powers', coalesce((
  select array_remove(array[
    case when rolsuper then 'superuser' end, case when rolbypassrls then 'BYPASSRLS' end,
    case when rolcanlogin then 'LOGIN' end], null)
  from pg_roles, others where oid = elevated), '{}'),
'memberships', coalesce((
  select jsonb_agg(jsonb_build_object(
    'name', r.rolname, 'unbound', r.rolsuper or r.rolbypassrls, 'replicates', r.rolreplication,
    'inherits', pg_has_role(s.oid, r.oid, 'usage'), 'becomes', pg_has_role(s.oid, r.oid, 'set'))
    order by r.rolname)
  from pg_roles r, service s
  where r.oid <> s.oid and not s.rolsuper and pg_has_role(s.oid, r.oid, 'member')), '[]'),
'owned', coalesce((
  select jsonb_agg(pg_describe_object(d.classid, d.objid, d.objsubid) order by 1)
  from pg_shdepend d, service s
  where d.refclassid = 'pg_authid'::regclass and d.refobjid = s.oid and d.deptype = 'o'
    and d.dbid in (0, (select oid from pg_database where datname = current_database()))), '[]'),
'creates', coalesce((
  select jsonb_agg(nspname order by nspname) from schemas
  where has_schema_privilege(%(service)s, oid, 'create')), '[]'),
'creates_schemas', has_database_privilege(%(service)s, current_database(), 'create'),
'path', current_schema(),
'relations', coalesce((
  select jsonb_agg(jsonb_build_object(
    'name', jsonb_build_array(c.nspname, c.relname), 'kind', c.relkind,
    'enabled', c.relrowsecurity, 'forced', c.relforcerowsecurity,
    'invoker', coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on'], false),
    'owned', pg_has_role(%(service)s, c.relowner, 'member'),
    'rights', case when c.relkind = 'S' then array(
        select p from unnest(array['select', 'usage', 'update']) p
        where c.usable and has_sequence_privilege(%(service)s, c.oid, p))
      else array(
        select p from rights where c.usable and has_table_privilege(%(service)s, c.oid, p)) end,
    'partial', case when c.relkind = 'S' then '{}' else array(
        select p from unnest(array['select', 'insert', 'update', 'references']) p
        where c.usable and has_any_column_privilege(%(service)s, c.oid, p)) end,
    'public', array(
        select distinct lower(a.privilege_type) from (
          select (aclexplode(c.relacl)).*
          union all
          select (aclexplode(t.attacl)).* from attributes t where t.attrelid = c.oid) a
        where a.grantee = 0),
    'probe', case when c.relkind = 'S' then '{}' else array(
        select t.attname from attributes t, others
        where t.attrelid = c.oid and has_column_privilege(probe, c.oid, t.attnum, 'select')) end,
    'elevated', case when c.relkind = 'S' then '{}' else array(
        select p from others, rights
        where has_table_privilege(elevated, c.oid, p)
           or p in ('select', 'insert', 'update') and has_any_column_privilege(elevated, c.oid, p)) end,
    'columns', array(select t.attname from attributes t where t.attrelid = c.oid order by t.attnum),
    'reads', coalesce((
        select jsonb_agg(distinct jsonb_build_array(rn.nspname, rc.relname))
        from pg_rewrite w
        join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
          and d.refclassid = 'pg_class'::regclass and d.refobjid <> c.oid
        join pg_class rc on rc.oid = d.refobjid join pg_namespace rn on rn.oid = rc.relnamespace
        where w.ev_class = c.oid and c.relkind in ('v', 'm')), '[]')))
  from relations c
  where not exists (
    select from pg_depend e
    where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')), '[]'),
'policies', coalesce((
  select jsonb_agg(jsonb_build_object(
    'table', jsonb_build_array(c.nspname, c.relname), 'name', p.polname, 'command', p.polcmd,
    'permissive', p.polpermissive,
    'roles', array(
        select case when r = 0 then 'public' else pg_get_userbyid(r)::text end from unnest(p.polroles) r),
    'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid)))
  from pg_policy p join relations c on c.oid = p.polrelid), '[]'),
'constraints', coalesce((
  select jsonb_agg(jsonb_build_object(
    'table', jsonb_build_array(c.nspname, c.relname), 'name', i.relname,
    'kind', case when x.indisprimary then 'p' else 'u' end,
    'columns', array(
        select t.attname from unnest(x.indkey) with ordinality k(number, place)
        left join attributes t on t.attrelid = c.oid and t.attnum = k.number
        where k.place <= x.indnkeyatts order by k.place)))
  from pg_index x join relations c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
  where x.indisunique), '[]')
|| coalesce((
  select jsonb_agg(jsonb_build_object(
    'table', jsonb_build_array(c.nspname, c.relname), 'name', k.conname, 'kind', k.contype,
    'columns', array(
        select t.attname from unnest(k.conkey) with ordinality n(number, place)
        left join attributes t on t.attrelid = c.oid and t.attnum = n.number order by n.place),
    'other', case when o.oid is not null then jsonb_build_array(o.nspname, o.relname) end,
    'other_columns', array(
        select t.attname from unnest(k.confkey) with ordinality n(number, place)
        join attributes t on t.attrelid = k.confrelid and t.attnum = n.number order by n.place),
    'operators', array(
        select q.oprname from unnest(k.conexclop) with ordinality n(number, place)
        join pg_operator q on q.oid = n.number order by n.place)))
  from pg_constraint k join relations c on c.oid = k.conrelid left join relations o on o.oid = k.confrelid
  where k.contype in ('f', 'x')), '[]'),
'functions', coalesce((
  select jsonb_agg(jsonb_build_object(
    'name', jsonb_build_array(n.nspname, p.proname), 'owner', r.rolname,
    'trusted', not (r.rolsuper or r.rolbypassrls),
    'executable', n.usable and has_function_privilege(%(service)s, p.oid, 'execute'),
    'source', p.prosrc))
  from pg_proc p join schemas n on n.oid = p.pronamespace join pg_roles r on r.oid = p.proowner
  where p.prosecdef and not exists (
    select from pg_depend e
    where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')), '[]'),
'triggers', coalesce((
  select jsonb_agg(jsonb_build_object(
    'table', jsonb_build_array(c.nspname, c.relname), 'definition', pg_get_triggerdef(t.oid, true),
    'enabled', t.tgenabled in ('O', 'A'), 'source', p.prosrc))
  from pg_trigger t join relations c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
  where t.tgname like 'handfast\\_%%' and not t.tgisinternal), '[]'))
"""
