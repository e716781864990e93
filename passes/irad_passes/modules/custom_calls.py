"""Custom calls: which target is read by which converter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from jax import numpy as jnp

from irad_passes._compat.mlir import traced
from irad_passes.errors import ModuleError
from irad_passes.modules import composites, factorizations, selection, spectra
from irad_passes.modules.attributes import text
from irad_passes.modules.converters import Converter, Table
from irad_passes.modules.frames import Atom, Frame

TABLE = Table()

_TARGETS: dict[str, Converter] = {
    **factorizations.TARGETS,
    **spectra.TARGETS,
    **selection.TARGETS,
    **composites.TARGETS,
}

_PYTHON = ("python_callback", "python_cpu_callback", "python_gpu_callback")
"""How the names of the targets end that call a Python function of the exporter."""

_CHECK = "check.expect_"
"""How the targets begin by which StableHLO's interpreter compares values in its tests.

They have no results, nothing else knows them, and XLA runs no program that has one.
"""

_EQUALITY = "check.eq"
"""The target by which its early tests compare values: it gives a truth value."""


def _are_equal(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.all(a == b)


@TABLE.converts("stablehlo.custom_call")
def _custom_call(frame: Frame, op: Any) -> Sequence[Atom] | None:
    target = text(op, "call_target_name")
    if target.endswith(_PYTHON):
        raise ModuleError(
            f"the module calls back into Python ({target}): the function is not part "
            "of the module, and irad runs none. Export the program without callbacks"
        )
    if target.startswith(_CHECK):
        return []
    if target == _EQUALITY:
        operands = frame.operands(op)
        return frame.splice(traced(_are_equal, [x.aval for x in operands]), operands)
    converter = _TARGETS.get(target)
    return None if converter is None else converter(frame, op)
