"""The mock: what it makes, and what it answers over ASGI."""
