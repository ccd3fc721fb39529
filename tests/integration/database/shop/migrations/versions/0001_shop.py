"""Create the shop."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from handfast.runtime.database import isolation

revision = "0001_shop"
down_revision = None


def upgrade() -> None:
    """Create tables, isolate and share them."""
    op.create_table(
        "countries",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
    )
    isolation.share_table("countries")
    op.create_table(
        "customers",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.UniqueConstraint("user_id", "id", name="uq_customers_user_id_id"),
    )
    isolation.enable_row_security("customers", owner="user_id")
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid()),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("total", sa.Numeric(12, 2), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), server_default=sa.text("now()")),
        sa.Column("changed_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["user_id", "customer_id"], ["customers.user_id", "customers.id"], name="fk_orders_customer"
        ),
        sa.UniqueConstraint("user_id", "reference", name="uq_orders_user_id_reference"),
        sa.CheckConstraint("total >= 0", name="ck_orders_total"),
    )
    op.create_index("ix_orders_user_id_placed_at", "orders", ["user_id", "placed_at"])
    isolation.enable_row_security("orders", owner="user_id")
    isolation.create_audit_table()
    isolation.allow_elevation("orders")
    op.create_table(
        "notes",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.UniqueConstraint("user_id", "id", name="uq_notes_user_id_id"),
    )
    isolation.enable_row_security("notes", owner="user_id")
    op.create_table(
        "note_shares",
        sa.Column("user_id", sa.Uuid(), primary_key=True),
        sa.Column("note_id", sa.Uuid(), primary_key=True),
        sa.Column("grantee_id", sa.Uuid(), primary_key=True),
        sa.Column("may_write", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id", "note_id"], ["notes.user_id", "notes.id"], name="fk_shares_note", ondelete="cascade"
        ),
    )
    op.create_index("ix_note_shares_grantee_id", "note_shares", ["grantee_id", "note_id"])
    isolation.enable_row_security("note_shares", owner="user_id", key=None)
    isolation.enable_sharing("notes", owner="user_id", by="note_shares", key="note_id")
    isolation.allow_elevation("notes", write=True)
    op.execute("create sequence things_serial")
    op.execute("grant usage on sequence things_serial to public")
    op.create_table(
        "things",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("owner", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer()),
        sa.Column("ratio", sa.Float()),
        sa.Column("flag", sa.Boolean()),
        sa.Column("day", sa.Date()),
        sa.Column("data", sa.LargeBinary()),
        sa.Column("label_text", sa.String()),
        sa.Column("color", sa.Enum("RED", "BLUE", name="color")),
        sa.Column("extra", postgresql.JSONB()),
        sa.Column("numbers", sa.ARRAY(sa.Integer())),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("serial", sa.Integer(), server_default=sa.text("nextval('things_serial')")),
    )
    op.create_index("ix_things_owner", "things", ["owner"])
    isolation.enable_row_security("things", owner="owner")


def downgrade() -> None:
    """Undo all of it."""
    for table in ("orders", "notes"):
        isolation.forbid_elevation(table)
    isolation.disable_sharing("notes", by="note_shares")
    isolation.drop_audit_table()
    for table in ("things", "note_shares", "notes", "orders", "customers"):
        isolation.disable_row_security(table)
    isolation.unshare_table("countries")
    for table in ("things", "note_shares", "notes", "orders", "customers", "countries"):
        op.drop_table(table)
    op.execute("drop type color")
    op.execute("drop sequence things_serial")
