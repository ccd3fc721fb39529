"""Fuzzing of a running service, by its published OpenAPI document and its answers alone.

`conformance` holds the service against its contract, with Schemathesis. `isolation` lets two users work on
it and looks whether anything of the one reaches the other. Nothing here knows how the service is made.
"""
