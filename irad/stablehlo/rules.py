"""Derivatives of operations that only their owner knows."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import jax

from irad._compat import ir
from irad._compat.forward_rules import differentiate_in_jax
from irad.errors import NoRuleError
from irad.graph import Engine, Linearized
from irad.leaf import Kind, make_leaf
from irad.linearization import is_differentiable
from irad.rules.registry import WrittenOut
from irad.structure import STRUCTURES
from irad_passes.modules import Operation, opaque_p, operation_of

F = TypeVar("F", bound=Callable[..., Any])

_RULES: dict[str, Callable[..., Any]] = {}


def rule(name: str) -> Callable[[F], F]:
    """Says what an operation computes, so that it can be differentiated.

    An operation that irad does not know is carried as it is: a custom call of a target
    of yours, say. It goes on computing the values; the function that is registered is
    used for their derivative only. A composite that has none is differentiated as what
    it says that it is composed of.

    Args:
        name: the target of a custom call, the name of a composite, or else that of the
            operation, such as ``"stablehlo.custom_call"``.

    Returns:
        A decorator. Its function takes the operands as arrays and returns the result,
        or a sequence of them, written in JAX; it is differentiated in forward mode, so
        that it may be, or call, a ``jax.custom_jvp``. Attributes of the operation, and
        what its ``backend_config`` or ``composite_attributes`` holds, are given for its
        keyword-only arguments. A later function for a name takes the place of an
        earlier one.

    Raises:
        TypeError: when the operation is differentiated: the function's results are of
            other types than the operation's.

    Example:
        >>> import irad, jax.numpy as jnp
        >>> @irad.stablehlo.rule("soft_threshold")
        ... def soft_threshold(x, *, width):
        ...     return jnp.sign(x) * jnp.maximum(jnp.abs(x) - width, 0)
        >>> text = '''func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
        ...   %y = stablehlo.custom_call @soft_threshold(%x) {
        ...     api_version = 4 : i32,
        ...     mhlo.backend_config = {width = 0.5 : f32}
        ...   } : (tensor<3xf32>) -> tensor<3xf32>
        ...   return %y : tensor<3xf32>
        ... }'''
        >>> derivative = irad.stablehlo.vjp(irad.stablehlo.load(text))
        >>> "custom_call @soft_threshold" in derivative.text()
        True
    """

    def add(function: F) -> F:
        _RULES[name] = function
        return function

    return add


@dataclass(frozen=True, eq=False)
class _Differentiable:
    """The function registered for an operation, with the operation's attributes."""

    operation: Operation
    function: Callable[..., Any]

    def results(self, y: Sequence[Any], x: Sequence[Any]) -> list[Any]:
        """What the function gives for operands ``x``; results like ``y`` are due."""
        out = self.function(*x, **self._attributes())
        found = list(out) if isinstance(out, list | tuple) else [out]
        types, expected = ([_type(v) for v in vs] for vs in (found, y))
        if types != expected:
            raise TypeError(
                f"the rule of {self.operation.name!r} returns {', '.join(types)}; the "
                f"operation has {', '.join(expected)}"
            )
        return found

    def tangent(
        self, y: Sequence[Any], x: Sequence[Any], t: Sequence[Any], **_: Any
    ) -> list[Any]:
        """The tangents of the results; None for a zero, as for rules of primitives."""
        active = [i for i, t_i in enumerate(t) if t_i is not None]

        def of_active(*moving: Any) -> list[Any]:
            full = list(x)
            for i, x_i in zip(active, moving, strict=True):
                full[i] = x_i
            return self.results(y, full)

        moving, tangents = ([v[i] for i in active] for v in (x, t))
        _, pushed = jax.jvp(of_active, moving, tangents)
        return [
            p if is_differentiable(ir.typeof(y_i)) else None
            for y_i, p in zip(y, pushed, strict=True)
        ]

    def _attributes(self) -> dict[str, Any]:
        parameters = inspect.signature(self.function).parameters.values()
        read = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
        known = self.operation.attributes
        absent = [p.name for p in read if p.name not in known and p.default is p.empty]
        if absent:
            raise TypeError(
                f"the rule of {self.operation.name!r} asks for {', '.join(absent)}; "
                f"the operation has {', '.join(known) or 'no attributes'}"
            )
        return {p.name: known[p.name] for p in read if p.name in known}


def _type(x: Any) -> str:
    aval = ir.typeof(x)
    return f"{aval.dtype.name}{list(aval.shape)}"


def _decomposition(operation: Operation) -> Callable[..., Any] | None:
    """What a composite says that it computes."""
    known = operation.decomposition
    if known is None:
        return None
    program = ir.jaxpr_as_fun(known.jaxpr)
    return lambda *x: program(*known.constants, *x)


def _differentiable(module: str, place: str) -> _Differentiable:
    """What an opaque equation computes; NoRuleError where nothing says it."""
    operation = operation_of(module)
    function = _RULES.get(operation.name) or _decomposition(operation)
    if function is None:
        raise NoRuleError(
            f"no derivative for operation '{operation.name}' ({place}): say what it "
            "computes, in JAX, by a function decorated with "
            f"@irad.stablehlo.rule({operation.name!r})"
        )
    return _Differentiable(operation, function)


def _by_rule(
    eqn: ir.JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """The local Jacobian of an operation that is carried as it is."""
    known = _differentiable(eqn.params["module"], ir.source_line(eqn))
    operands = tuple(x.aval for x in eqn.invars)
    results = tuple(v.aval for v in eqn.outvars)
    kind = Kind(opaque_p, eqn.params, operands, results, active, wanted)
    return make_leaf(WrittenOut(known.tangent), kind, engine)


def _tangent_for_jax(
    y: Sequence[Any], x: Sequence[Any], t: Sequence[Any], *, module: str, **_: Any
) -> list[Any]:
    return _differentiable(module, "in a module").tangent(y, x, t)


STRUCTURES[opaque_p] = _by_rule
differentiate_in_jax(opaque_p, _tangent_for_jax)
