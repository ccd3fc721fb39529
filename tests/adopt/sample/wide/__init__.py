"""An application that uses much of what FastAPI can describe."""
