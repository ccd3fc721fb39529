"""A service without handlers: any contract, answered from its examples or from made data.

Only the runtime is used; the contract comes as the documents that the generator makes, in memory.
"""

from handfast.mock.app import create_mock

__all__ = ["create_mock"]
