"""Contract-first FastAPI services: from an OpenAPI file to a typed, isolated, tested service.

`handfast.runtime` is what a service imports, `handfast.codegen` makes its code, `handfast.cli` is the command
`handfast`, and `handfast.testing` holds fixtures for tests. Importing this package alone costs nothing.
"""

__version__ = "0.1.0"
