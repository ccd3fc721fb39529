"""What locates in handlers, compared: `python -m tools.bench.locating`; libcst must be importable.

CPU of parsing a module of 2,000 lines and locating its signatures, then which files each can read: kinds of
line ends, encodings, and syntax by the version of Python that brought it. ADR 0035 holds the figures.
"""

from __future__ import annotations

import ast
import importlib
import sys
import time
from collections.abc import Callable

from handfast.codegen.evolution.scope import bindings
from handfast.codegen.evolution.signature import span_of
from handfast.codegen.evolution.splice import PythonFile, Unreadable

_HEAD = "from uuid import UUID\n\nfrom handfast.runtime import Context\n\n\n"
_FUNCTION = '''\
async def work{0}(
    ctx: Context,  # who
    thing_id: UUID,
    *,
    word: str | None = None,  # é
) -> dict[str, object]:
    """Do the work numbered {0}."""
    if word is None:
        return {{"id": str(thing_id), "word": [one for one in range({0})]}}
    try:
        kept = f"{{word}} and {{thing_id}}"
    except ValueError as error:
        raise RuntimeError("no") from error
    return {{"kept": kept, "user": ctx}}


'''
_FILES: dict[str, bytes] = {
    "LF": b"async def f(x: int) -> None: ...\n",
    "CRLF": b"async def f(x: int) -> None:\r\n\t...\r\n",
    "CR alone": b"async def f(x: int) -> None:\r\t...\r",
    "form feed": b"\x0casync def f(x: int) -> None: ...\n",
    "byte order mark": b"\xef\xbb\xbfasync def f(x: int) -> None: ...\n",
    "latin-1": "# coding: latin-1\nasync def f(é: int) -> None: ...\n".encode("latin-1"),
    "cp1252 after CR": "# coding: cp1252\rasync def f(é: int) -> None: ...\r".encode("cp1252"),
    "3.12 nested quotes in f-string": b'async def f(x: str) -> None: f"{x["a"]}"\n',
    "3.12 type parameters": b"async def f[T](x: T) -> None: ...\n",
    "3.13 default of a type parameter": b"async def f[T = int](x: T) -> None: ...\n",
    "3.14 template string": b'async def f(x: str) -> None: t"{x}"\n',
    "3.14 except without parentheses": (
        b"async def f(x: int) -> None:\n    try: ...\n    except OSError, ValueError: ...\n"
    ),
}


def _own(data: bytes) -> list[tuple[int, int]]:
    """The signatures as evolution finds them: offsets in the text."""
    file = PythonFile(data)
    nodes = [bound[0].node for bound in bindings(file.tree, "handlers/shop.py").values()]
    spans = [span_of(file, node) for node in nodes if isinstance(node, ast.AsyncFunctionDef)]
    return [(span.start, span.end) for span in spans]


def _libcst(data: bytes) -> list[tuple[int, int]]:
    """The parameters as libcst finds them: offsets in the bytes of UTF-8 that it makes of the file."""
    cst = importlib.import_module("libcst")
    metadata = importlib.import_module("libcst.metadata")
    wrapper = metadata.MetadataWrapper(cst.parse_module(data), unsafe_skip_copy=True)
    if wrapper.module.bytes != data:
        raise ValueError("it does not print the file as it was")
    spans = wrapper.resolve(metadata.ByteSpanPositionProvider)
    return [
        (spans[node.params].start, spans[node.params].start + spans[node.params].length)
        for node in wrapper.module.body
        if isinstance(node, cst.FunctionDef)
    ]


def _cpu(locate: Callable[[bytes], object], data: bytes) -> float:
    """The least seconds of CPU of five runs."""
    taken = []
    for _ in range(5):
        began = time.process_time()
        locate(data)
        taken.append(time.process_time() - began)
    return min(taken)


def _reads(locate: Callable[[bytes], list[tuple[int, int]]], data: bytes) -> str:
    try:
        return "read" if locate(data) else "nothing found"
    except Unreadable:
        return "refused"
    except Exception as error:
        return f"refused ({type(error).__name__})"


def main() -> None:
    """Print both as a Markdown table."""
    module = (_HEAD + "".join(map(_FUNCTION.format, range(124)))).encode()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    print(f"| Python {version} | ast and tokenize | libcst |")
    print("|---|---|---|")
    lines, times = module.count(b"\n"), (_cpu(_own, module), _cpu(_libcst, module))
    print(f"| {lines:,} lines, every signature located | {times[0]:.3f} s | {times[1]:.3f} s |")
    for name, data in _FILES.items():
        print(f"| {name} | {_reads(_own, data)} | {_reads(_libcst, data)} |")


if __name__ == "__main__":
    main()
