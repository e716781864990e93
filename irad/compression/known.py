"""Known values: what a program computes from constants alone, evaluated on the host.

A pattern may depend on index arrays and masks. Those that follow from literals, iota
and constants at hand are computed, each once and only if it is asked for, and it is
noted which constants were read: a pattern holds for as long as they are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from irad._compat import ir, primitives
from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var
from irad_passes import dce

Value = NDArray[Any]

CALLS = frozenset(
    {
        ir.jit_p,
        ir.remat_p,
        ir.closed_call_p,
        ir.core_call_p,
        ir.custom_jvp_call_p,
        ir.custom_vjp_call_p,
        primitives.eval_jaxpr_p,
        primitives.remat_opt_p,
        primitives.xla_metadata_call_p,
        primitives.compute_on_p,
    }
)
"""The primitives that run a body on their operands."""

_BODIES = ("jaxpr", "call_jaxpr", "fwd_jaxpr")


def body_of(eqn: JaxprEqn) -> ClosedJaxpr:
    """The body that a call runs."""
    (name,) = (name for name in _BODIES if name in eqn.params)
    return ir.closed(eqn.params[name])


class Scope:
    """The values of one run of a jaxpr, as far as they can be known.

    ``given`` finds the value of an input or constant, or None.
    """

    def __init__(self, jaxpr: Jaxpr, given: Callable[[Var], Any]) -> None:
        self._given = given
        self._made_by = {v: eqn for eqn in jaxpr.eqns for v in eqn.outvars}
        self._values: dict[Var, Value | None] = {}
        self._inner: dict[int, Scope] = {}

    def value(self, x: Atom) -> Value | None:
        """The value of an atom; None where it is not known."""
        if type(x) is Literal:
            return literal(x)
        pending = [x]
        while pending:
            v = pending[-1]
            missing = [] if v in self._values else self._missing(v)
            if missing is None:
                self._values[v] = None
            elif missing:
                pending.extend(missing)
                continue
            elif v not in self._values:
                self._values[v] = self._computed(v)
            pending.pop()
        return self._values[x]

    def inner(self, eqn: JaxprEqn, body: ClosedJaxpr) -> Scope:
        """The scope of a body that an equation runs on its operands."""
        if id(eqn) not in self._inner:
            self._inner[id(eqn)] = self.of_body(body, eqn.invars)
        return self._inner[id(eqn)]

    def of_body(self, body: ClosedJaxpr, operands: Sequence[Atom | None]) -> Scope:
        """The scope of a body whose inputs are these operands; None is not known."""
        pairs = zip(body.jaxpr.invars, operands, strict=True)
        outer = {v: x for v, x in pairs if x is not None}
        consts = constants(body)

        def given(v: Var) -> Any:
            return self.value(outer[v]) if v in outer else consts.get(v)

        return Scope(body.jaxpr, given)

    def _missing(self, v: Var) -> list[Var] | None:
        """What must be evaluated before a variable is; None if it cannot be."""
        eqn = self._made_by.get(v)
        if eqn is None or eqn.primitive in CALLS:
            return []
        if eqn.effects or eqn.primitive in _UNKNOWN or not _is_plain(v.aval):
            return None
        operands = _needed(eqn, v).invars
        missing = []
        for x in operands:
            if type(x) is Literal:
                continue
            if x not in self._values:
                missing.append(x)
            elif self._values[x] is None:
                return None
        return missing

    def _computed(self, v: Var) -> Value | None:
        eqn = self._made_by.get(v)
        if eqn is None:
            given = self._given(v)
            return None if given is None else np.asarray(given)
        if eqn.primitive in CALLS:
            body = body_of(eqn)
            out = body.jaxpr.outvars[eqn.outvars.index(v)]
            return self.inner(eqn, body).value(out)
        eqn = _needed(eqn, v)
        x = [self.value(x) for x in eqn.invars]
        with jax.ensure_compile_time_eval():
            y = ir.equation_function(eqn, x, ())()
        return np.asarray(y[eqn.outvars.index(v)])


def literal(x: Any) -> Value:
    """The value of a literal, in its dtype."""
    return np.asarray(x.val, x.aval.dtype)


def constants(closed: ClosedJaxpr) -> dict[Var, Any]:
    """The constants of a jaxpr whose values are at hand, where they lie."""
    pairs = zip(closed.jaxpr.constvars, closed.consts, strict=True)
    return {v: c for v, c in pairs if is_at_hand(c)}


def is_at_hand(x: Any) -> bool:
    """Whether a value can be read on the host: numbers, no tracer, and all here."""
    if ir.is_tracer(x) or ir.is_extended(ir.dtype_of(x)):
        return False
    return getattr(x, "is_fully_addressable", True)


def is_countable(x: Any) -> bool:
    """Whether a variable is of integers or bools."""
    return _is_plain(x.aval) and x.aval.dtype.kind in "iub"


def _needed(eqn: JaxprEqn, v: Var) -> JaxprEqn:
    """An equation with programs inside, cut down to what one result needs."""
    if eqn.primitive not in (ir.scan_p, ir.cond_p):
        return eqn
    alone = ir.make_jaxpr_object([], [v], [eqn], "one result")
    (cut,) = dce(alone).eqns
    return cut


def _is_plain(aval: Any) -> bool:
    return isinstance(aval, ir.ShapedArray) and not ir.is_extended(aval.dtype)


_UNKNOWN = frozenset(
    {
        ir.while_p,
        ir.linear_solve_p,
        primitives.shard_map_p,
        primitives.axis_index_p,
        primitives.pure_callback_p,
        primitives.io_callback_p,
        primitives.ffi_call_p,
    }
)


@dataclass(frozen=True)
class Known:
    """What is known of some variables, and which of the given values were read."""

    values: dict[Var, Value]
    read: tuple[Var, ...]


def known_values(
    jaxpr: Jaxpr, values: Mapping[Var, Any], wanted: Sequence[Atom]
) -> Known:
    """The integer and boolean variables among ``wanted`` that follow from constants.

    Args:
        jaxpr: the program.
        values: the inputs and constants at hand, by variable; tracers are ignored.
        wanted: which variables to evaluate; others than integers and bools are not.

    Returns:
        The values found, and which of ``values`` they were computed from: the values
        found hold only for these contents.
    """
    read: dict[Var, None] = {}

    def given(v: Var) -> Any:
        if v not in values or not is_at_hand(values[v]):
            return None
        read[v] = None
        return values[v]

    scope = Scope(jaxpr, given)
    found: dict[Var, Value] = {}
    for v in wanted:
        if type(v) is Var and is_countable(v):
            value = scope.value(v)
            if value is not None:
                found[v] = value
    return Known(found, tuple(read))
