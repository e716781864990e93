"""Primitives that hold programs: how each is differentiated through."""

from irad._compat import ir
from irad.graph import Structure
from irad.structure.call import jit
from irad.structure.scan import scan
from irad.structure.own_rule import by_own_jvp, by_own_rule

STRUCTURES: dict[ir.Primitive, Structure] = {
    ir.jit_p: jit,
    ir.scan_p: scan,
    ir.custom_jvp_call_p: by_own_jvp,
}

__all__ = ["STRUCTURES", "by_own_rule"]
