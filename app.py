"""The service: settings in, application out."""

from pathlib import Path

from sqlmodel import SQLModel

from generated.sharing.routes import build_router as sharing
from generated.task_management.routes import build_router as task_management
from handfast.runtime import Settings, create_app
from handlers.sharing import operations as sharing_operations
from handlers.task_management import operations as task_operations

app = create_app(
    Settings(),
    root=Path(__file__).parent,
    routers=[task_management(task_operations), sharing(sharing_operations)],
    tables=SQLModel.metadata,
    users=True,
)
