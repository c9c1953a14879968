"""One decorator for every kernel."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

SOURCES = ("gather.py", "history_kernels.py", "jit.py", "kernels.py", "tables.py")

# Kernels allocate nothing, so they need not count references to arrays: that costs more than the counting of events.
_PLAIN: dict[str, Any] = {"nogil": True, "no_cfunc_wrapper": True, "_nrt": False}
_INNER: dict[str, Any] = {"no_cpython_wrapper": True}


def kernel(function: Function) -> Function:
    """Compile without the interpreter lock; keep the compiled code where a folder is writable, else only in memory."""
    try:
        compiled = numba.njit(**_PLAIN, cache=True)(function)
    except RuntimeError:  # numba found no folder for its cache
        return cast(Function, numba.njit(**_PLAIN)(function))
    # numba looks only at the date of this function's own file; the parts and tables of scoring lie in others.
    file, folder = getattr(getattr(compiled, "_cache", None), "_cache_file", None), Path(__file__).parent
    if file is not None and hasattr(file, "_source_stamp") and Path(function.__code__.co_filename).parent == folder:
        file._source_stamp = hashlib.sha256(b"".join((folder / name).read_bytes() for name in SOURCES)).hexdigest()
    return cast(Function, compiled)


def part(function: Function) -> Function:
    """A piece of a kernel. It has no door to Python of its own, which halves the time to compile it."""
    return cast(Function, numba.njit(**_PLAIN, **_INNER)(function))
