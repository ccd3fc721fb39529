"""What a JSON Schema of a contract means: formats, directions and the engine that holds values against it.

Generation and the running service share it, so that what the one has found to be enforceable is what the
other enforces. It imports nothing else of Handfast.
"""
