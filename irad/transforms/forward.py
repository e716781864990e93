"""Forward mode: ``jvp`` and ``linearize``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from irad import derivatives
from irad._compat import ir
from irad.capture import Captured
from irad.checkpointing.options import MAX_CHECKPOINTS
from irad.collection import held_back
from irad.staging import staged
from irad.transforms.arguments import all_arguments, check_callable
from irad.transforms.memory_options import Size, memory_options
from irad.transforms.reverse import run_forward, staged_split


@held_back()
def jvp(
    fun: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool = False,
) -> Any:
    """The value of a function and its Jacobian times a tangent: ``(y, J t)``.

    Value and tangent are computed together, keeping nothing: memory is at most twice
    that of ``fun``, flops 2 to 3 times.

    Args:
        fun: a function of arrays or trees of arrays.
        primals: a tuple or list of arguments.
        tangents: the same tree, shapes and dtypes (float0 for integer primals).
        has_aux: whether ``fun`` returns ``(output, auxiliary)``.

    Returns:
        ``(y, tangent of y)``, or ``(y, tangent of y, auxiliary)``.

    Raises:
        TypeError: primals and tangents differ in tree or dtype, or are no tuples.
        ValueError: they differ in shape.
        NoRuleError: a primitive has no derivative.

    Source: Griewank & Walther (2008), section 3.1.

    Example:
        >>> import irad
        >>> y, t = irad.jvp(lambda a, b: a * b, (2.0, 5.0), (1.0, 0.0))
        >>> float(y), float(t)
        (10.0, 5.0)
    """
    check_callable(fun)
    for name, value in (("primal", primals), ("tangent", tangents)):
        if not isinstance(value, (tuple, list)):
            raise TypeError(
                "primal and tangent arguments to irad.jvp must be tuples or lists; "
                f"the {name} argument is a {type(value).__name__}."
            )
    given = all_arguments(fun, primals)
    leaves, tree = jax.tree_util.tree_flatten(tuple(tangents))
    if tree != given.tree:
        raise TypeError(
            "primal and tangent arguments to irad.jvp must have the same tree "
            f"structure; primals have {given.tree} whereas tangents have {tree}."
        )
    t = checked_tangents(given.leaves, leaves)
    captured = given.captured("jvp", has_aux=has_aux)
    return _run(captured, t, has_aux=has_aux)


def _run(captured: Captured, t: list[Any], *, has_aux: bool) -> Any:
    program, captured = staged(
        captured, *captured.stage("jvp", derivatives.jvp), also=t
    )
    live = [x for x in t if not ir.is_float0(x)]
    outs = program([*captured.inputs, *live])
    m = len(captured.jaxpr.outvars)
    n = captured.num_outputs
    pushed = derivatives.with_float0(captured.out_avals, outs[m:])
    tree = captured.out_tree
    value = jax.tree_util.tree_unflatten(tree, outs[:n])
    tangent = jax.tree_util.tree_unflatten(tree, pushed)
    if captured.aux is None:
        return value, tangent
    return value, tangent, captured.aux(outs[n:m])


def checked_tangents(primals: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
    """Tangents as arrays: TypeError for a wrong dtype, ValueError for a wrong shape."""
    checked = []
    for x, t in zip(primals, tangents, strict=True):
        aval = ir.typeof(x)
        dtype = ir.primal_dtype_to_tangent_dtype(aval.dtype)
        if ir.dtype_of(t) != dtype:
            raise TypeError(
                "primal and tangent arguments to irad.jvp do not match; dtypes must be "
                "equal, or in case of int/bool primal dtype the tangent dtype must be "
                f"float0. Got primal dtype {aval.dtype} and so expected tangent dtype "
                f"{dtype}, but got tangent dtype {ir.dtype_of(t)} instead."
            )
        if np.shape(t) != aval.shape:
            raise ValueError(
                "jvp called with different primal and tangent shapes; got primal shape "
                f"{aval.shape} and tangent shape {np.shape(t)}"
            )
        checked.append(t if ir.is_float0(t) or ir.is_tracer(t) else ir.as_jax_value(t))
    return checked


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True, eq=False)
class Linearization:
    """A tangent map: tangents of the inputs to tangents of the outputs.

    A pytree of its residuals, so that it passes through ``jax.jit`` both ways.
    """

    residuals: list[Any]
    program: Any
    in_tree: Any
    in_avals: tuple[Any, ...]
    out_tree: Any
    out_avals: tuple[Any, ...]

    def __call__(self, *tangents: Any) -> Any:
        """Pushes tangents forward."""
        leaves, tree = jax.tree_util.tree_flatten(tuple(tangents))
        if tree != self.in_tree:
            raise TypeError(
                "the tangents passed to a linearized function must have the tree "
                f"structure of its primals, {self.in_tree}, but have {tree}."
            )
        for t, aval in zip(leaves, self.in_avals, strict=True):
            expected = ir.tangent_aval(aval)
            got = ir.typeof(t)
            if got.shape != expected.shape or ir.dtype_of(t) != expected.dtype:
                raise ValueError(
                    "linearized function called on tangent values inconsistent with "
                    f"the original primal values: got tangent {got.str_short()} for "
                    f"primal {aval.str_short()}"
                )
        live = [t for t in leaves if not ir.is_float0(t)]
        outs = self.program.linear([*self.residuals, *live])
        results = self.program.pushed(outs, self.out_avals)
        if not all(ir.typeof(t).weak_type for t in live):
            # As in JAX, what is computed from a strongly typed tangent is one.
            results = self.program.strengthened(results)
        return jax.tree_util.tree_unflatten(self.out_tree, results)

    def tree_flatten(self) -> Any:
        """The residuals, and everything else as static data."""
        static = (
            self.program,
            self.in_tree,
            self.in_avals,
            self.out_tree,
            self.out_avals,
        )
        return (self.residuals,), static

    @classmethod
    def tree_unflatten(cls, static: Any, children: Any) -> Linearization:
        """The tangent map again."""
        return cls(*children, *static)


@held_back()
def linearize(
    fun: Callable[..., Any],
    *primals: Any,
    has_aux: bool = False,
    memory_limit: Size = None,
    max_checkpoints: int = MAX_CHECKPOINTS,
) -> Any:
    """The value of a function and its tangent map at a point: ``(y, t -> J t)``.

    Takes what ``irad.vjp`` takes. The tangent map holds residuals, as much memory as a
    reverse pass; for one tangent ``irad.jvp`` is cheaper.

    Returns:
        ``(y, tangent_map)``, or ``(y, tangent_map, auxiliary)``. ``tangent_map`` takes
        tangents in the tree of the primals and is a pytree, as a pullback is.

    Example:
        >>> import irad
        >>> y, tangent_map = irad.linearize(lambda a: a**2, 3.0)
        >>> float(y), float(tangent_map(1.0)), float(tangent_map(2.0))
        (9.0, 6.0, 12.0)
    """
    check_callable(fun)
    given = all_arguments(fun, primals)
    memory = memory_options(memory_limit, max_checkpoints=max_checkpoints)
    captured = given.captured("linearize", has_aux=has_aux, whole=memory.is_limited)
    split, captured = staged_split(
        captured, "linearize", derivatives.linearized, memory
    )
    value, residuals, aux = run_forward(captured, split)
    tangent_map = Linearization(
        residuals,
        split,
        given.tree,
        tuple(captured.in_avals),
        captured.out_tree,
        tuple(captured.out_avals),
    )
    return (value, tangent_map, aux) if has_aux else (value, tangent_map)
