"""Capture: a Python function, run once on its arguments, to a jaxpr with its trees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from irad._compat import ir, tracing
from irad._compat.ir import Jaxpr


@dataclass(frozen=True)
class Captured:
    """A function's jaxpr on given arguments.

    ``jaxpr`` takes the constants, then the traced inputs; ``inputs`` has the values of
    both. Its first ``num_outputs`` outputs are the function's, with tree ``out_tree``;
    the others are the traced leaves of the auxiliary output.
    """

    jaxpr: Jaxpr
    inputs: list[Any]
    num_consts: int
    num_outputs: int
    out_tree: Any
    aux: Callable[[Sequence[Any]], Any] | None
    name: str

    @property
    def out_avals(self) -> list[Any]:
        """The types of the function's outputs."""
        return [v.aval for v in self.jaxpr.outvars[: self.num_outputs]]

    @property
    def in_avals(self) -> list[Any]:
        """The types of the traced inputs."""
        return [v.aval for v in self.jaxpr.invars[self.num_consts :]]

    @property
    def is_abstract(self) -> bool:
        """Whether an outer transformation is tracing some input."""
        return any(map(ir.is_tracer, self.inputs))


def capture(
    fun: Callable[..., Any],
    leaves: Sequence[Any],
    call: Callable[[Sequence[Any]], Any],
    *,
    has_aux: bool = False,
    purpose: str,
    concrete: bool = True,
) -> Captured:
    """Runs ``call(traced leaves)`` once and records it.

    ``fun`` is the user's function, for names; ``call`` applies it to its arguments with
    the traced leaves in their places. ``concrete`` says that the leaves are values, so
    that Python control flow may ask for numbers.
    """
    out: dict[str, Any] = {}

    def flat(*tracers: Any) -> list[Any]:
        result = call(tracers)
        traced_aux: list[Any] = []
        if has_aux:
            if not isinstance(result, (tuple, list)) or len(result) != 2:
                raise TypeError(
                    "with has_aux=True the function must return a pair (output, "
                    f"auxiliary); {ir.function_name(fun)} returned "
                    f"{type(result).__name__}"
                )
            result, aux = result
            out["aux"], traced_aux = _split_aux(aux)
        outputs, out["tree"] = jax.tree_util.tree_flatten(result)
        out["count"] = len(outputs)
        for y in outputs:
            _check_output(y, fun)
        return [*outputs, *traced_aux]

    avals = [x if isinstance(x, ir.AbstractValue) else ir.typeof(x) for x in leaves]
    of = ir.function_name(fun)
    known = leaves if concrete else None
    jaxpr, consts = tracing.record(flat, avals, name=purpose, of=of, known=known)
    jaxpr = ir.with_constants_as_inputs(jaxpr)
    return Captured(
        jaxpr,
        [*consts, *leaves],
        len(consts),
        out["count"],
        out["tree"],
        out.get("aux"),
        of,
    )


def _split_aux(aux: Any) -> tuple[Callable[[Sequence[Any]], Any], list[Any]]:
    """The traced leaves of an auxiliary output, and how to put values in their place."""
    leaves, tree = jax.tree_util.tree_flatten(aux)
    traced = [x for x in leaves if ir.is_tracer(x)]
    rest = [None if ir.is_tracer(x) else (x,) for x in leaves]

    def rebuild(values: Sequence[Any]) -> Any:
        values_left = iter(values)
        full = [next(values_left) if kept is None else kept[0] for kept in rest]
        return jax.tree_util.tree_unflatten(tree, full)

    return rebuild, traced


def _check_output(y: Any, fun: Any) -> None:
    try:
        ir.typeof(y)
    except TypeError as error:
        raise TypeError(
            f"function {ir.function_name(fun)} returned a value of type {type(y)}, "
            "which is not an array. Return it with has_aux=True, beside the output."
        ) from error
