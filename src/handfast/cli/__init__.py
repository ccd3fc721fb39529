"""The command `handfast`: one module a command, the same options and exit codes everywhere.

Modules of commands import what is heavy (the generator, the runtime) inside their functions, so that
`handfast --help` answers at once.
"""
