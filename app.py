"""The service: settings in, application out."""

from pathlib import Path

from sqlmodel import SQLModel

from generated.task_management.routes import build_router as task_management
from handfast.runtime import Settings, create_app
from handlers.task_management import operations

app = create_app(
    Settings(),
    root=Path(__file__).parent,
    routers=[task_management(operations)],
    tables=SQLModel.metadata,
    users=True,
)
