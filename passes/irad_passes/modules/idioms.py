"""Regions as JAX writes them: what its own functions lower to, read back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from irad_passes._compat.mlir import (
    ClosedJaxpr,
    current_equation_context,
    first_operation,
    lowered,
)
from irad_passes.modules.frames import Avals, Frame, Shared
from irad_passes.modules.regions import scalar_program


def body_of_lowered(
    convert: Any, function: Callable[..., Any], avals: Sequence[Any], operation: str
) -> ClosedJaxpr:
    """The body of the first ``operation`` that JAX lowers a function to."""
    module = lowered(function, avals)
    shared = Shared(_none, convert, {}, Avals(), current_equation_context(), "")
    region = first_operation(module, operation).regions[0]
    body = scalar_program(Frame(shared), region)
    assert body is not None, f"the {operation} of {function} reads values around it"
    return body


def _none(name: str) -> Any:
    raise AssertionError(f"a body calls @{name}")
