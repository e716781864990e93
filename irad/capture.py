"""Capture: a Python function, run once on its arguments, to a jaxpr with its trees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import jax
import numpy as np

from irad._compat import ir, references, tracing
from irad._compat.ir import Atom, Jaxpr, Literal, Var
from irad.constants import remembered
from irad_passes import as_scans

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Captured:
    """A function's jaxpr on given arguments.

    ``jaxpr`` takes the constants, then the traced inputs; ``inputs`` has the values of
    both. Its first ``num_outputs`` outputs are the function's, with tree ``out_tree``;
    the others are the traced leaves of the auxiliary output. ``known`` has the numbers
    that custom rules may ask for.
    """

    jaxpr: Jaxpr
    inputs: list[Any]
    num_consts: int
    num_outputs: int
    out_tree: Any
    aux: Callable[[Sequence[Any]], Any] | None
    name: str
    known: Any

    @property
    def out_avals(self) -> list[Any]:
        """The types of the function's outputs."""
        return [v.aval for v in self.jaxpr.outvars[: self.num_outputs]]

    @property
    def in_avals(self) -> list[Any]:
        """The types of the traced inputs."""
        return [v.aval for v in self.jaxpr.invars[self.num_consts :]]

    def stage(
        self, name: str, make: Callable[[Jaxpr, int, int], T]
    ) -> tuple[tuple[Any, ...], Callable[[Captured], T]]:
        """What to remember a program by, and how to make it, for ``staging.staged``."""

        def make_for(captured: Captured) -> T:
            return make(captured.jaxpr, captured.num_consts, captured.num_outputs)

        return (name, self.num_consts, self.num_outputs), make_for

    def with_literals_as_inputs(self, which: Sequence[int]) -> Captured:
        """The same program, some outermost scalar literals being inputs.

        ``which`` counts the scalar literals in the order of the equations, outputs
        last.
        """
        jaxpr, values = _lift_literals(self.jaxpr, set(which))
        return replace(
            self,
            jaxpr=jaxpr,
            inputs=[*values, *self.inputs],
            num_consts=self.num_consts + len(values),
        )

    def with_counted_loops(self) -> Captured:
        """The same program, in which a while whose steps can be counted is a scan."""
        jaxpr = as_scans(self.jaxpr)
        return self if jaxpr is self.jaxpr else replace(self, jaxpr=jaxpr)

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
    names: Callable[[], Sequence[str]] | None = None,
    whole: bool = False,
) -> Captured:
    """Runs ``call(traced leaves)`` once and records it.

    ``fun`` is the user's function, for names; ``call`` applies it to its arguments with
    the traced leaves in their places. ``concrete`` says that the leaves are values, so
    that Python control flow may ask for numbers; ``names`` names the leaves in errors.
    ``whole`` says that what the function computes from values that are traced outside,
    not from its leaves, is a part of the program too.
    """
    out: dict[str, Any] = {}

    def flat(*tracers: Any) -> list[Any]:
        result = call(tracers)
        traced_aux: list[Any] = []
        if has_aux:
            result, aux = _pair(result, fun)
            out["aux"], traced_aux = _split_aux(aux)
        outputs, out["tree"] = jax.tree_util.tree_flatten(result)
        out["count"] = len(outputs)
        for y in outputs:
            _check_output(y, fun)
        return [*outputs, *traced_aux]

    avals = [x if isinstance(x, ir.AbstractValue) else ir.typeof(x) for x in leaves]
    of = ir.function_name(fun)
    known = leaves if concrete else None
    jaxpr, consts, known = tracing.record(
        flat,
        avals,
        name=purpose,
        of=of,
        known=known,
        names=names,
        remembered=remembered,
        whole=whole,
    )
    jaxpr, consts = references.without_references(jaxpr, consts)
    jaxpr = ir.with_constants_as_inputs(jaxpr)
    return Captured(
        jaxpr,
        [*consts, *leaves],
        len(consts),
        out["count"],
        out["tree"],
        out.get("aux"),
        of,
        known,
    )


def _pair(result: Any, fun: Any) -> tuple[Any, Any]:
    """The output and the auxiliary one."""
    if isinstance(result, (tuple, list)) and len(result) == 2:
        return result[0], result[1]
    raise TypeError(
        "with has_aux=True the function must return a pair (output, auxiliary); "
        f"{ir.function_name(fun)} returned {type(result).__name__}"
    )


def _split_aux(aux: Any) -> tuple[Callable[[Sequence[Any]], Any], list[Any]]:
    """How to put values in an auxiliary output, and its traced leaves."""
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


def _lift_literals(jaxpr: Jaxpr, which: set[int]) -> tuple[Jaxpr, list[Any]]:
    lifted: list[Var] = []
    values: list[Any] = []
    count = 0

    def lift(x: Atom) -> Atom:
        nonlocal count
        if type(x) is not Literal or np.ndim(x.val):
            return x
        count += 1
        if count - 1 not in which:
            return x
        lifted.append(Var(x.aval))
        values.append(ir.literal_value(x))
        return lifted[-1]

    eqns = []
    for eqn in jaxpr.eqns:
        if any(type(x) is Literal for x in eqn.invars):
            eqn = eqn.replace(invars=[lift(x) for x in eqn.invars])
        eqns.append(eqn)
    outvars = [lift(x) for x in jaxpr.outvars]
    made = ir.make_jaxpr_object([*lifted, *jaxpr.invars], outvars, eqns, "irad")
    return made, values
