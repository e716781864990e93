"""Primitives that JAX has no public name for, and those that only some versions have.

Where the installed JAX lacks a primitive, its name here is one that never occurs, so that
a rule is written down without asking for the version.
"""

from __future__ import annotations

import importlib
from typing import Any

from jax import lax
from jax.extend.core import Primitive


def _named(module: str, name: str) -> Primitive:
    """A primitive of a JAX module, or one that never occurs."""
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError:
        found = None
    return found or Primitive(f"{name} of another JAX")


_LAX = "jax._src.lax.lax"
_PRNG = "jax._src.random.prng"
_DEBUG = "jax._src.debugging"

# Elementwise and copies ---------------------------------------------------------------

log2_p = _named(_LAX, "log2_p")
name_p = _named("jax._src.ad_checkpoint", "name_p")
one_minus_square_p = _named(_LAX, "one_minus_square_p")
stage_p = _named("jax._src.core", "stage_p")
tie_p = _named(_LAX, "tie_p")

# Constant -----------------------------------------------------------------------------

dce_sink_p = _named(_LAX, "dce_sink_p")
debug_callback_p = _named(_DEBUG, "debug_callback_p")
debug_print_p = _named(_DEBUG, "debug_print_p")
empty_p = _named(_LAX, "empty_p")
empty2_p = _named(_LAX, "empty2_p")
inspect_sharding_p = _named(_DEBUG, "inspect_sharding_p")
zeros_like_p = _named("jax._src.ad_util", "zeros_like_p")

# Random -------------------------------------------------------------------------------

iota_2x32_shape_p = _named(_PRNG, "iota_2x32_shape_p")
philox2x32_p = _named("jax._src.random.philox2x32", "philox2x32_p")
philox4x32_p = _named("jax._src.random.philox4x32", "philox4x32_p")
random_bits_p = _named(_PRNG, "random_bits_p")
random_clone_p = _named("jax._src.random.core", "random_clone_p")
random_fold_in_p = _named(_PRNG, "random_fold_in_p")
random_seed_p = _named(_PRNG, "random_seed_p")
random_split_p = _named(_PRNG, "random_split_p")
random_unwrap_p = _named(_PRNG, "random_unwrap_p")
random_wrap_p = _named(_PRNG, "random_wrap_p")
threefry4x32_p = _named("jax._src.random.threefry4x32", "threefry4x32_p")


# Formulas that JAX changed between versions --------------------------------------------


def one_minus_square(x: Any) -> Any:
    """``1 - x * x``, accurate near ``abs(x) == 1``.

    A primitive of its own since JAX 0.11, whose derivative is accurate near 0 as well.
    """
    if hasattr(lax, "one_minus_square"):
        return lax.one_minus_square(x)
    return (1 - x) * (1 + x)


def one_minus_square_of_asin(x: Any) -> Any:
    """``1 - x * x`` as the derivative of ``asin`` has it in the installed JAX."""
    if hasattr(lax, "one_minus_square"):
        return lax.one_minus_square(x)
    return 1 - lax.square(x)
