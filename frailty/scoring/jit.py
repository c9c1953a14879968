"""One decorator for every kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile without the interpreter lock; keep the compiled code where a folder is writable, else only in memory."""
    try:
        return _usable(cast(Function, numba.njit(nogil=True, cache=True, no_cfunc_wrapper=True, _nrt=False)(function)))
    except RuntimeError:  # numba found no folder for its cache
        return cast(Function, numba.njit(nogil=True, no_cfunc_wrapper=True, _nrt=False)(function))


def _usable(compiled: Function) -> Function:
    """Empties a cache that an earlier version of this package left and that cannot be read any more: numba itself
    stops with an error where a class in it has another name by now."""
    cache = getattr(compiled, "_cache", None)           # absent where compilation is switched off
    if cache is not None:
        try:
            cache._cache_file._load_index()
        except Exception:
            cache.flush()
    return compiled


def part(function: Function) -> Function:
    """A piece of a kernel: no door to Python of its own, which halves the time to compile it."""
    return cast(Function, numba.njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)(function))
