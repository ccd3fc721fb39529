"""Where migrations run: as the owner role, against the tables that the handlers declare."""

from sqlmodel import SQLModel

import handlers.sharing.tables
import handlers.task_management.tables  # noqa: F401  (they declare their tables on import)
from handfast.runtime.database.migrate import run_env

run_env(SQLModel.metadata)
