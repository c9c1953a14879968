"""One decorator for every kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

# Kernels allocate nothing, so they need not count references to arrays: that costs more than the counting of events.
_PLAIN: dict[str, Any] = {"nogil": True, "no_cfunc_wrapper": True, "_nrt": False}
_INNER: dict[str, Any] = {"no_cpython_wrapper": True}


def kernel(function: Function) -> Function:
    """Compile without the interpreter lock; keep the compiled code where a folder is writable, else only in memory."""
    try:
        return cast(Function, numba.njit(**_PLAIN, cache=True)(function))
    except RuntimeError:  # numba found no folder for its cache
        return cast(Function, numba.njit(**_PLAIN)(function))


def part(function: Function) -> Function:
    """A piece of a kernel. It has no door to Python of its own, which halves the time to compile it."""
    return cast(Function, numba.njit(**_PLAIN, **_INNER)(function))
