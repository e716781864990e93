"""Primitives that JAX has no public name for, and those that only some versions have.

Where the installed JAX lacks a primitive, its name here is one that never occurs, so
that a rule is written down without asking for the version.
"""

from __future__ import annotations

import importlib
from typing import Any

from jax import lax
from jax._src.core import Primitive


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

# Contractions and linear algebra ------------------------------------------------------

_LINALG = "jax._src.lax.linalg"

ragged_dot_general_p = _named(_LAX, "ragged_dot_general_p")
scaled_dot_p = _named("jax._src.lax.scaled_dot", "scaled_dot_p")
cholesky_update_p = _named(_LINALG, "cholesky_update_p")
geqp3_p = _named(_LINALG, "geqp3_p")
geqrf_p = _named(_LINALG, "geqrf_p")
lu_pivots_to_permutation_p = _named(_LINALG, "lu_pivots_to_permutation_p")
ormqr_p = _named(_LINALG, "ormqr_p")
symmetric_product_p = _named(_LINALG, "symmetric_product_p")

# Programs inside ----------------------------------------------------------------------

platform_index_p = _named("jax._src.lax.control_flow.conditionals", "platform_index_p")
xla_metadata_call_p = _named("jax._src.xla_metadata", "xla_metadata_call_p")

# Code outside the program -------------------------------------------------------------

composite_p = _named(_LAX, "composite_p")
ffi_call_p = _named("jax._src.ffi", "ffi_call_p")
io_callback_p = _named("jax._src.callback", "io_callback_p")
pure_callback_p = _named("jax._src.callback", "pure_callback_p")

# Random -------------------------------------------------------------------------------

iota_2x32_shape_p = _named(_PRNG, "iota_2x32_shape_p")
philox2x32_p = _named("jax._src.random.philox2x32", "philox2x32_p")
philox4x32_p = _named("jax._src.random.philox4x32", "philox4x32_p")
random_bits_p = _named(_PRNG, "random_bits_p")
random_clone_p = _named("jax._src.random.core", "random_clone_p")
random_fold_in_p = _named(_PRNG, "random_fold_in_p")
random_gamma_p = _named("jax._src.random.core", "random_gamma_p")
random_seed_p = _named(_PRNG, "random_seed_p")
random_split_p = _named(_PRNG, "random_split_p")
random_unwrap_p = _named(_PRNG, "random_unwrap_p")
random_wrap_p = _named(_PRNG, "random_wrap_p")
threefry2x32_p = _named("jax._src.random.threefry2x32", "threefry2x32_p")
threefry4x32_p = _named("jax._src.random.threefry4x32", "threefry4x32_p")

# Collectives and placement ------------------------------------------------------------

_PARALLEL = "jax._src.lax.parallel"
_CORE = "jax._src.core"

all_gather_invariant_p = _named(_PARALLEL, "all_gather_invariant_p")
all_gather_reduced_p = _named(_PARALLEL, "all_gather_reduced_p")
axis_index_p = _named(_PARALLEL, "axis_index_p")
compute_on_p = _named("jax._src.compute_on", "compute_on_p")
device_put_p = _named("jax._src.dispatch", "device_put_p")
layout_constraint_p = _named("jax._src.pjit", "layout_constraint_p")
pbroadcast_p = _named(_PARALLEL, "pbroadcast_p")
ppermute_done_p = _named(_PARALLEL, "ppermute_done_p")
ppermute_start_p = _named(_PARALLEL, "ppermute_start_p")
preduced_p = _named(_PARALLEL, "preduced_p")
psum_invariant_p = _named(_PARALLEL, "psum_invariant_p")
pvary_p = _named(_CORE, "pvary_p")
ragged_all_to_all_p = _named(_PARALLEL, "ragged_all_to_all_p")
reduce_scatter_p = _named(_PARALLEL, "reduce_scatter_p")
reduced_vary_cast_p = _named(_CORE, "reduced_vary_cast_p")
reshard_p = _named("jax._src.pjit", "reshard_p")
shard_map_p = _named("jax._src.shard_map", "shard_map_p")
sharding_constraint_p = _named("jax._src.pjit", "sharding_constraint_p")
unreduced_psum_p = _named(_PARALLEL, "unreduced_psum_p")
unreduced_reduce_scatter_p = _named(_PARALLEL, "unreduced_reduce_scatter_p")
vary_unreduced_cast_p = _named(_PARALLEL, "vary_unreduced_cast_p")
xla_metadata_value_p = _named("jax._src.xla_metadata", "xla_metadata_value_p")

# Programs, effects and types of JAX's own ---------------------------------------------

_REFERENCES = "jax._src.state.primitives"
_HIJAX = "jax._src.hijax"
_CUSTOM = "jax._src.custom_derivatives"

accum_grad_in_ref_p = _named(_CORE, "accum_grad_in_ref_p")
addupdate_p = _named(_REFERENCES, "addupdate_p")
box_get_p = _named(_HIJAX, "box_get_p")
box_set_p = _named(_HIJAX, "box_set_p")
call_hi_primitive_p = _named(_HIJAX, "call_hi_primitive_p")
check_p = _named("jax._src.checkify", "check_p")
custom_lin_p = _named("jax._src.interpreters.ad", "custom_lin_p")
custom_vmap_p = _named("jax._src.custom_batching", "custom_vmap_p")
empty_ref_p = _named(_CORE, "empty_ref_p")
eval_jaxpr_p = _named("jax._src.lax.eval_jaxpr", "eval_jaxpr_p")
free_ref_p = _named(_CORE, "free_ref_p")
freeze_p = _named(_CORE, "freeze_p")
from_edtype_p = _named(_LAX, "from_edtype_p")
get_p = _named(_REFERENCES, "get_p")
linear_call_p = _named(_CUSTOM, "linear_call_p")
log_extend_p = _named(_HIJAX, "log_extend_p")
log_read_p = _named(_HIJAX, "log_read_p")
new_box_p = _named(_HIJAX, "new_box_p")
new_log_p = _named(_HIJAX, "new_log_p")
new_ref_p = _named(_CORE, "ref_p")
program_order_p = _named("jax._src.pjit", "program_order_p")
remat_opt_p = _named(_CUSTOM, "remat_opt_p")
run_state_p = _named("jax._src.state.discharge", "run_state_p")
swap_p = _named(_REFERENCES, "swap_p")
to_edtype_p = _named(_LAX, "to_edtype_p")
with_memory_space_constraint_p = _named(_REFERENCES, "with_memory_space_constraint_p")

# Formulas that JAX changed between versions, or annotates wrongly ---------------------

_one_minus_square: Any = getattr(lax, "one_minus_square", None)
random_gamma_grad: Any = lax.random_gamma_grad


def one_minus_square(x: Any) -> Any:
    """``1 - x * x``, accurate near ``abs(x) == 1``.

    A primitive of its own since JAX 0.11, whose derivative is accurate near 0 as well.
    """
    return (1 - x) * (1 + x) if _one_minus_square is None else _one_minus_square(x)


def one_minus_square_of_asin(x: Any) -> Any:
    """``1 - x * x`` as the derivative of ``asin`` has it in the installed JAX."""
    return 1 - lax.square(x) if _one_minus_square is None else _one_minus_square(x)
