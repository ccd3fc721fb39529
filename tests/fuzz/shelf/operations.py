"""The rules of the shelf, each with the holes that a careless hand would leave."""

from uuid import UUID

from sqlmodel import col, select

from generated.shelf.models import Comment, CommentCreate, Export, Note, NoteCreate, NoteUpdate
from handfast.runtime import UNSET, Conflict, Context, Forbidden, NotFound, conflict
from handlers.shelf import tables
from handlers.shelf.holes import beside_the_walls, hole

CACHE: dict[object, object] = {}
EXPORTS: dict[str, tuple[UUID, str]] = {}


class LabelTaken(Conflict, code="label_taken"):
    """Another note has this label."""


class Unknown(NotFound, code="unknown_note"):
    """There is no such note."""


async def create_note(ctx: Context, body: NoteCreate) -> Note:
    owner = ctx.user.id
    label = body.label
    CACHE.pop("list", None)
    if hole("owner-from-the-body") and body.user_id is not None:
        row = tables.Note(user_id=body.user_id, title=body.title, label=label)
        with beside_the_walls("ADMIN") as connection:
            connection.execute(
                "insert into notes (id, user_id, title, label) values (%s, %s, %s, %s)",
                [row.id, row.user_id, row.title, row.label],
            )
        return row.to_api()
    with conflict("uq_notes_label", raises=LabelTaken):
        return (await ctx.db.insert(tables.Note(user_id=owner, title=body.title, label=label))).to_api()


async def list_notes(ctx: Context) -> list[Note]:
    if hole("cached-list") and "list" in CACHE:
        return CACHE["list"]
    if hole("unfiltered-list"):
        with beside_the_walls("ADMIN") as connection:
            rows = connection.execute("select id, user_id, title from notes limit 50").fetchall()
        return [Note(id=row[0], user_id=row[1], title=row[2]) for row in rows]
    CACHE["list"] = [row.to_api() for row in await ctx.db.all(select(tables.Note).limit(50))]
    return CACHE["list"]


async def get_note(ctx: Context, note_id: UUID) -> Note:
    if hole("cached-note") and note_id in CACHE:
        return CACHE[note_id]
    if hole("no-policy", "session"):
        async with ctx.db.session() as session:
            row = (await session.exec(select(tables.Note).where(col(tables.Note.id) == note_id))).first()
            if row is None:
                raise NotFound
            return row.to_api()
    if hole("not-forced", "owner-role", "admin-role", "forgotten-security"):
        role = "OWNER" if hole("not-forced", "owner-role") else "ADMIN"
        with beside_the_walls(role) as connection:
            found = connection.execute("select user_id, title from notes where id = %s", [note_id]).fetchone()
        if found is None:
            raise NotFound
        return Note(id=note_id, user_id=found[0], title=found[1])
    try:
        row = await ctx.db.get(tables.Note, note_id)
    except Forbidden:
        if not hole("telling-error"):
            raise
        with beside_the_walls("ADMIN") as connection:
            (title,) = connection.execute("select title from notes where id = %s", [note_id]).fetchone()
        raise Forbidden(f"The note {title!r} is not yours.") from None
    CACHE[note_id] = row.to_api()
    return CACHE[note_id]


async def update_note(ctx: Context, note_id: UUID, body: NoteUpdate) -> Note:
    changes = {name: value for name in ("title", "label") if (value := getattr(body, name)) is not UNSET}
    if hole("written-before-checked") and "title" in changes:
        with beside_the_walls("ADMIN") as connection:
            connection.execute("update notes set title = %s where id = %s", [changes["title"], note_id])
    with conflict("uq_notes_label", raises=LabelTaken):
        if not changes:
            return (await ctx.db.get(tables.Note, note_id)).to_api()
        return (await ctx.db.update(tables.Note, note_id, **changes)).to_api()


async def delete_note(ctx: Context, note_id: UUID) -> None:
    try:
        await ctx.db.delete(tables.Note, note_id)
    except Forbidden:
        raise NotFound("This note is private." if hole("private-is-not-unknown") else None) from None
    CACHE.pop(note_id, None)


async def create_comment(ctx: Context, body: CommentCreate) -> Comment:
    row = tables.Comment(user_id=ctx.user.id, note_id=body.note_id, text=body.text)
    with conflict("fk_comments_note", raises=Unknown):
        return (await ctx.db.insert(row)).to_api()


async def list_comments(ctx: Context, *, note_id: UUID | None = None) -> list[Comment]:
    if hole("filter-by-any-note") and note_id is not None:
        with beside_the_walls("ADMIN") as connection:
            rows = connection.execute(
                "select id, note_id, text from comments where note_id = %s", [note_id]
            ).fetchall()
        return [Comment(id=row[0], note_id=row[1], text=row[2]) for row in rows]
    statement = select(tables.Comment).limit(50)
    if note_id is not None:
        statement = statement.where(col(tables.Comment.note_id) == note_id)
    return [row.to_api() for row in await ctx.db.all(statement)]


async def create_export(ctx: Context) -> Export:
    titles = [row.title for row in await ctx.db.all(select(tables.Note).limit(50))]
    made = str(len(EXPORTS) + 1)
    EXPORTS[made] = (ctx.user.id, "\n".join(titles))
    return Export(id=made)


async def get_export(ctx: Context, export_id: str) -> str:
    owner, text = EXPORTS.get(export_id, (None, ""))
    if owner is None or (owner != ctx.user.id and not hole("predictable-export")):
        raise NotFound
    return text
