"""Primitives that hold programs: how each is differentiated through."""

from importlib import import_module

from irad._compat import ir, primitives
from irad.graph import Engine, Linearized, Structure
from irad.structure.annotated_call import annotated_call, plain_call
from irad.structure.branches import cond
from irad.structure.call import jit
from irad.structure.content import by_content
from irad.structure.context import InContext
from irad.structure.own_rule import by_own_jvp, by_own_rule


def _loaded(module: str, name: str) -> Structure:
    """A structure whose module is loaded when a program first has one."""

    def structure(
        eqn: ir.JaxprEqn,
        active: tuple[int, ...],
        wanted: tuple[int, ...],
        engine: Engine,
    ) -> Linearized | None:
        found: Structure = getattr(import_module(module), name)
        return found(eqn, active, wanted, engine)

    return structure


STRUCTURES: dict[ir.Primitive, Structure] = {
    ir.jit_p: jit,
    ir.scan_p: by_content(_loaded("irad.structure.counted", "scan"), "jaxpr"),
    ir.cond_p: by_content(cond, "branches"),
    ir.while_p: by_content(
        _loaded("irad.structure.while_loop", "while_loop"), "cond_jaxpr", "body_jaxpr"
    ),
    ir.closed_call_p: plain_call,
    ir.core_call_p: plain_call,
    primitives.eval_jaxpr_p: plain_call,
    primitives.remat_opt_p: plain_call,
    primitives.compute_on_p: annotated_call,
    primitives.xla_metadata_call_p: annotated_call,
    ir.custom_jvp_call_p: by_own_jvp,
    ir.custom_vjp_call_p: _loaded("irad.structure.custom_vjp", "custom_vjp"),
    ir.remat_p: by_content(_loaded("irad.structure.remat", "checkpoint"), "jaxpr"),
    ir.linear_solve_p: _loaded("irad.structure.linear_solve", "linear_solve"),
    primitives.shard_map_p: _loaded("irad.structure.mapped", "shard_map"),
}

__all__ = ["STRUCTURES", "InContext", "by_own_rule"]
