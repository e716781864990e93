"""Functions as modules, by way of text, so that nothing of their source is left."""

from collections.abc import Callable
from typing import Any

import jax

import irad
from irad.stablehlo import Module


def exported(f: Callable[..., Any], *args: Any) -> Module:
    """The module that JAX exports for a function on given arguments."""
    return irad.stablehlo.load(jax.export.export(jax.jit(f))(*args).mlir_module())
