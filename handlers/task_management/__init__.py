"""Task management: specs/001-task-management."""
