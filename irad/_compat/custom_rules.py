"""Custom rules: what the equations of ``jax.custom_jvp`` and ``jax.custom_vjp`` hold.

An equation holds its rule as a chain of wrappers around the user's function, made anew
for every call. This is the one place that looks inside.
"""

from __future__ import annotations

import functools
import types
import weakref
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax._src import ad_util, core, linear_util
from jax._src import custom_derivatives as custom
from jax._src.interpreters import batching
from jax._src.util import Unhashable

from irad._compat import ir, tracing

__all__ = ["CustomVJP", "RuleName", "rule_name", "rule_programs"]


# The two programs of a custom_vjp -----------------------------------------------------


class CustomVJP:
    """The forward and the backward program of a ``custom_vjp`` equation.

    ``forward`` must be run before ``backward``: only then is the tree of the residuals
    known.
    """

    def __init__(self, eqn: ir.JaxprEqn, active: Sequence[int]) -> None:
        params = eqn.primitive.get_bind_params(eqn.params)
        _, self._fwd, self._bwd = params["subfuns"]
        self._out_trees = params["out_trees"]
        self._symbolic_zeros = params["symbolic_zeros"]
        self._eqn = eqn
        self._active = frozenset(active)

    def forward(self, x: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """The results, and the residuals that ``backward`` takes."""
        marked = [pair for i, x_i in enumerate(x) for pair in (x_i, i in self._active)]
        with self._eqn.ctx.manager:
            outs = self._fwd.call_wrapped(*marked)
        _, tree, forwarded = self._out_trees()
        computed = iter(outs)
        residuals = [next(computed) if i is None else x[i] for i in forwarded]
        assert len(residuals) == tree.num_leaves
        return list(computed), residuals

    def backward(self, residuals: Sequence[Any], c: Sequence[Any]) -> list[Any]:
        """The cotangents of all operands; None, in or out, is a known zero."""
        given = [
            self._zero(v.aval) if c_j is None else c_j
            for v, c_j in zip(self._eqn.outvars, c, strict=True)
        ]
        with self._eqn.ctx.manager:
            pulled = self._bwd.call_wrapped(*residuals, *given)
        if isinstance(pulled, tuple):  # from JAX 0.11 on, with what the rule logs
            pulled, _ = pulled
        return [None if isinstance(c_i, _ZEROS) else c_i for c_i in pulled]

    def trace_backward(
        self,
        run: Callable[..., Sequence[Any]],
        cotangents: Sequence[Any],
        made: tuple[ir.Jaxpr, Sequence[Any]],
        name: str,
    ) -> tuple[ir.Jaxpr, Sequence[Any]]:
        """Traces a program of residuals and cotangents; ``made`` is the forward one.

        Where the rule asks for numbers it is traced on those of the residuals.
        """
        forward, consts = made
        residuals = [v.aval for v in forward.outvars[len(self._eqn.outvars) :]]
        avals = [*residuals, *cotangents]
        try:
            return tracing.trace(run, avals, name)
        except tracing.ASKS:
            operands = _operands(self._eqn)
            values = None if operands is None else operands.values()
            if values is None or any(x is None for x in values):
                raise
        closed = ir.closed_jaxpr(forward, consts)
        with core.eval_context():
            found = ir.evaluate(closed, values)[len(self._eqn.outvars) :]
        given = [*found, *(None for _ in cotangents)]

        def on_values(*tracers: Any) -> Sequence[Any]:
            return tracing.on_values(run, tracers, given, operands.known)

        return tracing.trace(on_values, avals, name)

    def _zero(self, aval: Any) -> Any:
        if self._symbolic_zeros:
            return ad_util.SymbolicZero(ir.cotangent_aval(aval))
        return ir.zero_cotangent(aval)


_ZEROS = (ad_util.Zero, ad_util.SymbolicZero)


def _operands(eqn: ir.JaxprEqn) -> tracing.Operands | None:
    """The operands of the call that an equation of a ``custom_vjp`` was recorded from.

    They may be asked for numbers while the capture lasts.
    """
    if eqn.params["num_consts"]:
        return None
    _, rule = _recorded(eqn.params["fwd_jaxpr_thunk"], "fwd")
    for wrapper, fixed in getattr(rule, "transforms", ()):
        if wrapper.__module__ == tracing.__name__:
            return fixed[0]()
    return None


def function_name(eqn: ir.JaxprEqn) -> str:
    """The name of the function that an equation gives a custom rule."""
    return ir.closed(eqn.params["call_jaxpr"]).jaxpr.debug_info.func_name


Traced = tuple[ir.Jaxpr, Sequence[Any], tuple[bool, ...]]
"""A program, its constants, and which of its results are known zeros it leaves out."""


def rule_programs(eqn: ir.JaxprEqn) -> list[Traced]:
    """What a custom equation's rule computes where all operands carry tangents.

    For a ``custom_jvp`` results and tangents; for a ``custom_vjp`` its two programs.
    """
    avals: list[Any] = [x.aval for x in eqn.invars]
    active = [i for i, aval in enumerate(avals) if ir.is_inexact(aval.dtype)]
    n = len(avals)
    zeros: list[bool] = []

    def present(values: Sequence[Any]) -> list[Any]:
        zeros[:] = [v is None for v in values]
        return [v for v in values if v is not None]

    if eqn.primitive is ir.custom_jvp_call_p:

        def jvp(*arrays: Any) -> list[Any]:
            y, pushed = ir.jvp_of_equation(eqn, arrays[:n], active, arrays[n:])
            return [*y, *present(pushed)]

        tangents = [ir.tangent_aval(avals[i]) for i in active]
        return [(*tracing.trace(jvp, [*avals, *tangents], "rule"), tuple(zeros))]
    rule = CustomVJP(eqn, active)

    def forward(*x: Any) -> list[Any]:
        y, residuals = rule.forward(x)
        return [*y, *residuals]

    made, consts = tracing.trace(forward, avals, "rule")
    k = len(made.outvars) - len(eqn.outvars)

    def backward(*arrays: Any) -> list[Any]:
        return present(rule.backward(arrays[:k], arrays[k:]))

    cotangents = [ir.cotangent_aval(v.aval) for v in eqn.outvars]
    pull = rule.trace_backward(backward, cotangents, (made, consts), "rule")
    return [(made, consts, ()), (*pull, tuple(zeros))]


# Whether two equations have one rule --------------------------------------------------


@dataclass(frozen=True, eq=False)
class RuleName:
    """What a custom rule does, as a value that can be compared.

    Two equations that one trace recorded, their ``scope``, have the same rule if their
    keys are equal. In different scopes a user's function may close over something else,
    or read something else from a global. A rule is ``settled`` if that cannot be: one
    of JAX's own that closes over nothing but the like.
    """

    key: Hashable
    settled: bool
    scope: Any


class Same:
    """An object as a key: equal to itself only, whatever it compares as."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value

    def __repr__(self) -> str:
        """Where a function or class was defined, which is the same in any process."""
        name = getattr(self.value, "__qualname__", None)
        shown = f"{self.value.__module__}.{name}" if name else repr(self.value)
        return f"Same({shown})"


def rule_name(eqn: ir.JaxprEqn) -> RuleName | None:
    """The name of the rule of a custom equation; None where it cannot be told."""
    params = eqn.params
    if params["num_consts"]:
        return None
    if eqn.primitive is ir.custom_jvp_call_p:
        cells, rule = _recorded(params["jvp_jaxpr_fun"], "jvp")
        rules = [rule]
    else:
        cells, rule = _recorded(params["fwd_jaxpr_thunk"], "fwd")
        rules = [rule, params["bwd"]]
    if not all(isinstance(rule, linear_util.WrappedFun) for rule in rules):
        return None
    objects: list[Any] = []
    keys = tuple(_wrapped_key(rule, objects) for rule in rules)
    if None in keys:
        return None
    key = (eqn.primitive, keys, params["symbolic_zeros"])
    return RuleName(key, all(map(_is_settled, objects)), cells.get("self"))


def _recorded(thunk: Any, name: str) -> tuple[dict[str, Any], Any]:
    """The rule that a thunk was recorded from, and what else the thunk closes over.

    An equation that was bound again from a jaxpr holds a thunk around a thunk.
    """
    cells = _cells(_cells(thunk.f).get("fn"))
    rule = cells.get(name)
    while isinstance(rule, linear_util.WrappedFun) and not rule.transforms:
        inner = _lifted(rule.f)
        if inner is None:
            break
        rule = inner
    return cells, rule


def _lifted(fun: Any) -> Any:
    """The rule inside what JAX makes of a thunk to bind an equation again, or None."""
    cells = _cells(fun)
    thunk = cells.get("jvp_jaxpr_fun", cells.get("fwd_jaxpr_thunk"))
    if not isinstance(thunk, linear_util.WrappedFun) or cells.get("num_consts"):
        return None
    recorded = _cells(_cells(thunk.f).get("fn"))
    return recorded.get("jvp", recorded.get("fwd"))


def _wrapped_key(fun: Any, objects: list[Any]) -> Hashable | None:
    """A key of the function and of what its wrappers fix; None for unknown wrappers."""
    for wrapper, fixed in fun.transforms:
        if (wrapper.__module__, wrapper.__name__) == _MAPPED:
            rule, moves = fixed
            key = _wrapped_key(rule, objects)
            return None if key is None else (key, moves)
    parts: list[Any] = [_function_key(fun.f, objects)]
    for wrapper, fixed in fun.transforms:
        if wrapper.__name__ == "_handle_consts_in_bwd" and not fixed[0]:
            continue  # from binding an equation again
        read = _WRAPPERS.get((wrapper.__module__, wrapper.__name__))
        if read is None:
            return None
        parts.append([_value_key(fixed[i], objects) for i in read if i < len(fixed)])
    return tuple(map(_hashable, parts))


def _function_key(fun: Any, objects: list[Any]) -> Hashable:
    """A key of a rule's function: what it hands on to, if it does that alone."""
    cells = _cells(fun)
    inner, how = _lifted(fun), ()
    if getattr(fun, "__qualname__", None) == _MAPPED_BWD:
        inner, how = cells["bwd"], (cells["axis_data"], cells["out_dim_dests"])
    if isinstance(inner, linear_util.WrappedFun):
        key = _wrapped_key(inner, objects)
        if key is not None:
            return (key, *(_value_key(value, objects) for value in how))
    return _value_key(fun, objects)


def _hashable(part: Any) -> Hashable:
    return tuple(part) if isinstance(part, list) else part


# What JAX wraps a rule with, and which of the values that a wrapper fixes matter. The
# others are names for messages and the stores that carry trees between wrappers.
_WRAPPERS: dict[tuple[str, str], tuple[int, ...]] = {
    ("jax._src.custom_derivatives", "_flatten_jvp"): (2,),
    ("jax._src.custom_derivatives", "_flatten_fwd"): (0, 1, 4),
    ("jax._src.custom_derivatives", "_flatten_bwd"): (0, 4),
    ("jax._src.api_util", "_prepend_static_args"): (0,),
    ("jax._src.api_util", "_argnums_partial"): (0, 1),
    ("jax._src.interpreters.batching", "batch_custom_jvp_subtrace"): (1, 2),
    ("jax._src.interpreters.batching", "batch_subtrace"): (1, 2),
    ("irad._compat.tracing", "_with_values"): (),
}
_MAPPED_BWD = "batch_custom_vjp_bwd.<locals>.new_bwd"
_MAPPED = ("irad._compat.mapped_rules", "program_of")


def _value_key(value: Any, objects: list[Any]) -> Hashable:
    """A key of a value that a rule was called with: itself, or its identity.

    Numbers are told apart by type, and zeros by sign.
    """
    if isinstance(value, (tuple, list)):
        return (type(value), *(_value_key(v, objects) for v in value))
    if isinstance(value, Unhashable):
        return _value_key(value.val, objects)
    if type(value) in _PLAIN:
        return (type(value), repr(value))
    if isinstance(value, jax.tree_util.PyTreeDef):
        return value
    if isinstance(value, batching.AxisData):
        fields = (value.name, value.size, value.spmd_name, value.explicit_mesh_axis)
        return ("axis", *(_value_key(field, objects) for field in fields))
    if value is core.no_axis_name:
        return "axis without a name"
    objects.append(value)
    return Same(value)


_PLAIN = {bool, int, float, complex, str, bytes, type(None)}


def _cells(fun: Any) -> dict[str, Any]:
    """What a Python function closes over, by name."""
    if not isinstance(fun, types.FunctionType) or fun.__closure__ is None:
        return {}
    names = fun.__code__.co_freevars
    return {n: c.cell_contents for n, c in zip(names, fun.__closure__, strict=True)}


def _is_settled(value: Any) -> bool:
    """Whether a value's behaviour is settled: code of JAX that closes over the like.

    Nobody gives such a function another meaning while the program runs; what its code
    reads of JAX's configuration is in the trace context.
    """
    if not isinstance(value, types.FunctionType):
        return _settled(value, frozenset())
    known = _SETTLED.get(value)
    if known is None:
        known = _SETTLED[value] = _settled(value, frozenset())
    return known


_SETTLED: weakref.WeakKeyDictionary[Any, bool] = weakref.WeakKeyDictionary()


def _settled(value: Any, seen: frozenset[int]) -> bool:
    if type(value) in _PLAIN or isinstance(value, np.dtype):
        return True
    if isinstance(value, type):
        return value.__module__.split(".")[0] in _LIBRARIES
    if id(value) in seen:
        return True
    seen = seen | {id(value)}
    if isinstance(value, (tuple, list)):
        return all(_settled(v, seen) for v in value)
    if isinstance(value, custom.custom_jvp):
        return _settled(value.fun, seen) and _settled(value.jvp, seen)
    if isinstance(value, functools.partial):
        inside = (value.func, value.args, tuple(value.keywords.values()))
        return _settled(inside, seen)
    if isinstance(value, types.FunctionType):
        return (value.__module__ or "").startswith("jax.") and _settled(
            (*_cells(value).values(), *(value.__defaults__ or ())), seen
        )
    wrapped = getattr(value, "__wrapped__", None)
    return type(value) is _JITTED and _settled(wrapped, seen)


_LIBRARIES = frozenset(("builtins", "jax", "jaxlib", "ml_dtypes", "numpy"))
_JITTED = type(jax.jit(lambda x: x))
