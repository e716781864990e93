"""The numbers of what is being captured, computed when Python asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from jax._src import ad_util, core, dtypes
from jax._src.interpreters import ad

from irad._compat import ir

__all__ = ["Known", "has_no_tangent", "number"]


class Known:
    """The values of a trace's inputs, and of what was recorded from them.

    An input without a value is None. The inputs of a custom rule are ``operands_of``
    what the rule was called in. Whoever holds this keeps the values; the trace does
    not, so that a program which outlives its capture keeps no array alive.
    """

    def __init__(
        self, frame: Any, inputs: Sequence[Any], operands_of: Known | None = None
    ) -> None:
        self._frame = frame
        self._inputs = inputs
        # JAX asks often, and most inputs are arrays: only these are looked at again.
        self._uncertain = [x for x in inputs if x is None or ir.is_tracer(x)]
        self._operands_of = operands_of
        self._values: dict[Any, Any] = {}
        self._consts: dict[Any, Any] = {}
        # What inner captures and custom rules know may be asked for as long as this.
        self._inside: list[Any] = []

    def keep(self, inside: Any) -> None:
        """Keeps what belongs to something that was captured inside."""
        self._inside.append(inside)

    def close(self) -> None:
        """Notes the constants, before the trace forgets them."""
        self._consts = dict(self._frame.constvar_to_val)

    def is_complete(self) -> bool:
        """Whether the values of all inputs and constants are at hand."""
        values = chain(self._uncertain, self._constants())
        return all(x is not None and core.is_concrete(x) for x in values)

    def _is_traced(self) -> bool:
        """Whether a transformation outside may differentiate what is computed here."""
        if self._operands_of is not None:
            return self._operands_of._is_traced()
        return any(map(ir.is_tracer, chain(self._uncertain, self._constants())))

    def _constants(self) -> list[Any]:
        return list((self._consts or self._frame.constvar_to_val).values())

    def value(self, tracer: Any) -> Any:
        """The value of what a tracer stands for, or None where it is not known.

        A capture knows all or nothing. A custom rule knows its operands, but not their
        tangents or cotangents.
        """
        if self._operands_of is None and not self.is_complete():
            return None
        if not self._values:
            for var, x in zip(self._frame.invars, self._inputs, strict=True):
                if x is not None:
                    self._values[var] = core.to_concrete_value(x)
        return self._read(tracer) if self._evaluate(tracer) else None

    def has_no_tangent(self, var: Any) -> bool:
        """Whether an input or a constant is differentiated nowhere outside."""
        const = self._constant(var)
        if const is None:
            return self._operands_of is not None and not self._operands_of._is_traced()
        if hasattr(const, "parent"):
            return has_no_tangent(const)
        return not ir.is_tracer(const)

    def _constant(self, var: Any) -> Any:
        return self._frame.constvar_to_val.get(var, self._consts.get(var))

    def _read(self, tracer: Any) -> Any:
        atom = tracer.val
        if isinstance(atom, ir.Literal):
            return atom.val
        if atom in self._values:
            return self._values[atom]
        const = self._constant(atom)
        return None if const is None else core.to_concrete_value(const)

    def _evaluate(self, tracer: Any) -> bool:
        """Fills in the values ``tracer`` needs, oldest first, without recursion."""
        stack = [tracer]
        while stack:
            t = stack[-1]
            if t.parent is None or t.val in self._values:
                if self._read(t) is None:
                    return False
                stack.pop()
                continue
            eqn = t.parent
            missing = [x for x in eqn.in_tracers if self._read(x) is None]
            if missing:
                if any(x.parent is None for x in missing):
                    return False
                stack.extend(missing)
                continue
            self._run(eqn, [self._read(x) for x in eqn.in_tracers])
        return True

    def _run(self, eqn: Any, operands: list[Any]) -> None:
        params = eqn.primitive.get_bind_params(eqn.params)
        with core.eval_context(), eqn.ctx.manager:
            result = eqn.primitive.bind(*operands, **params)
        results = result if eqn.primitive.multiple_results else [result]
        for var, y in zip(eqn.outvars, results, strict=True):
            self._values[var] = y


def number(x: Any) -> Any:
    """The value of an array, or of a tracer that stands for one made from constants.

    Under ``jit`` an index that is computed from constants is traced; what it is follows
    from the equations behind it. None where it depends on an input.
    """
    if not ir.is_tracer(x):
        return x
    values: dict[Any, Any] = {}
    stack = [x]
    while stack:
        t = stack[-1]
        if id(t) in values:
            stack.pop()
            continue
        made_by = getattr(t, "parent", None)
        if made_by is None:
            value = _constant_of(t)
            if value is None:
                return None
            values[id(t)] = value
            continue
        if made_by.primitive.multiple_results or made_by.effects:
            return None
        missing = [y for y in made_by.in_tracers if id(y) not in values]
        if missing:
            stack.extend(missing)
            continue
        params = made_by.primitive.get_bind_params(made_by.params)
        operands = [values[id(y)] for y in made_by.in_tracers]
        with core.eval_context(), made_by.ctx.manager:
            values[id(t)] = made_by.primitive.bind(*operands, **params)
    return values[id(x)]


def _constant_of(tracer: Any) -> Any:
    """The constant that a tracer of ``jit`` stands for, if it does."""
    if not ir.is_tracer(tracer):
        return tracer
    atom = getattr(tracer, "val", None)
    if isinstance(atom, ir.Literal):
        return atom.val
    frame = getattr(getattr(tracer, "_trace", None), "frame", None)
    const = None if frame is None else frame.constvar_to_val.get(atom)
    return None if const is None or ir.is_tracer(const) else const


def has_no_tangent(tracer: Any) -> bool:
    """Whether JAX, on values, would have an array where this tracer is.

    It has one for an integer, for the result of an equation without a derivative
    (``stop_gradient``), and for what is computed from such.
    """
    seen: set[Any] = set()
    stack = [tracer]
    while stack:
        t = stack.pop()
        integer = not dtypes.issubdtype(t.aval.dtype, np.inexact)
        if integer or isinstance(t.val, ir.Literal) or t.val in seen:
            continue
        seen.add(t.val)
        if t.parent is not None:
            if not _has_no_derivative(t.parent.primitive):
                stack.extend(t.parent.in_tracers)
            continue
        known = getattr(t._trace, "known", lambda: None)()
        if known is None or not known.has_no_tangent(t.val):
            return False
    return True


def _has_no_derivative(primitive: Any) -> bool:
    if primitive is ad_util.stop_gradient_p:
        return True
    rule = ad.primitive_jvps.get(primitive)
    return isinstance(rule, partial) and rule.func is ad.zero_jvp
