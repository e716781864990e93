"""Primitives of JAX whose own rule is used knowingly, and why.

A primitive that is in no table is not an error: JAX's rule is used, if it has one. This
table says for which that is a decision.
"""

from __future__ import annotations

from irad._compat import ir, primitives

BY_JAX_RULE: dict[ir.Primitive, str] = {
    primitive: reason
    for reason, row in {
        "a mutable array is made a value when a function is captured; what is left "
        "touches no value that is differentiated": (
            primitives.accum_grad_in_ref_p,
            primitives.addupdate_p,
            primitives.empty_ref_p,
            primitives.free_ref_p,
            primitives.freeze_p,
            primitives.get_p,
            primitives.new_ref_p,
            primitives.swap_p,
        ),
        "runs a program on mutable arrays, which only JAX's rule makes values; kernels "
        "use it, and JAX has its forward mode only": (primitives.run_state_p,),
        "a type that a user adds to JAX comes with the rules of its operations": (
            primitives.box_get_p,
            primitives.box_set_p,
            primitives.call_hi_primitive_p,
            primitives.from_edtype_p,
            primitives.log_extend_p,
            primitives.log_read_p,
            primitives.new_box_p,
            primitives.new_log_p,
            primitives.to_edtype_p,
        ),
        "its user wrote the transpose, which JAX's rule applies": (
            primitives.linear_call_p,
        ),
        "its user wrote the batching, which JAX's rule keeps for the derivative": (
            primitives.custom_vmap_p,
        ),
        "says where or in which order a program runs, which JAX's rule says of its "
        "derivative as well": (
            primitives.program_order_p,
            primitives.with_memory_space_constraint_p,
        ),
        "only in the middle of a derivative that JAX makes": (primitives.custom_lin_p,),
    }.items()
    for primitive in row
}
