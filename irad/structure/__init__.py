"""Primitives that hold programs: how each is differentiated through."""

from irad._compat import ir, primitives
from irad.graph import Structure
from irad.structure.annotated_call import annotated_call, plain_call
from irad.structure.branches import cond
from irad.structure.call import jit
from irad.structure.context import InContext
from irad.structure.counted import scan
from irad.structure.custom_vjp import custom_vjp
from irad.structure.linear_solve import linear_solve
from irad.structure.mapped import shard_map
from irad.structure.own_rule import by_own_jvp, by_own_rule
from irad.structure.remat import checkpoint
from irad.structure.while_loop import while_loop

STRUCTURES: dict[ir.Primitive, Structure] = {
    ir.jit_p: jit,
    ir.scan_p: scan,
    ir.cond_p: cond,
    ir.while_p: while_loop,
    ir.closed_call_p: plain_call,
    ir.core_call_p: plain_call,
    primitives.eval_jaxpr_p: plain_call,
    primitives.remat_opt_p: plain_call,
    primitives.compute_on_p: annotated_call,
    primitives.xla_metadata_call_p: annotated_call,
    ir.custom_jvp_call_p: by_own_jvp,
    ir.custom_vjp_call_p: custom_vjp,
    ir.remat_p: checkpoint,
    ir.linear_solve_p: linear_solve,
    primitives.shard_map_p: shard_map,
}

__all__ = ["STRUCTURES", "InContext", "by_own_rule"]
