"""``linear_transpose``: the transpose of a function that is linear in its arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

from irad import derivatives
from irad._compat import ir
from irad.capture import capture
from irad.collection import held_back
from irad.errors import NotLinearError
from irad.staging import staged
from irad.transforms.arguments import check_callable


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True, eq=False)
class Transpose:
    """The transpose of a linear function; a pytree of the arrays it closes over."""

    residuals: list[Any]
    program: Any
    out_tree: Any
    out_avals: tuple[Any, ...]
    in_tree: Any
    in_avals: tuple[Any, ...]

    def __call__(self, cotangent: Any) -> Any:
        """Applies the transpose to a cotangent of the output."""
        leaves, tree = jax.tree_util.tree_flatten(cotangent)
        if tree != self.out_tree:
            raise TypeError(
                "cotangent tree does not match function output, expected "
                f"{self.out_tree} but got {tree}"
            )
        types = [ir.typeof(c) for c in leaves]
        pairs = zip(types, self.out_avals, strict=True)
        if not all(ir.type_compatible(got, aval) for got, aval in pairs):
            raise TypeError(
                "cotangent type does not match function output, expected "
                f"{list(self.out_avals)} but got {types}"
            )
        carried = zip(leaves, self.program.carries, strict=True)
        live = [c for c, carries in carried if carries]
        outs = self.program.linear([*self.residuals, *live])
        results = self.program.pulled(outs, self.in_avals)
        return jax.tree_util.tree_unflatten(self.in_tree, results)

    def tree_flatten(self) -> Any:
        """The arrays, and everything else as static data."""
        static = (
            self.program,
            self.out_tree,
            self.out_avals,
            self.in_tree,
            self.in_avals,
        )
        return (self.residuals,), static

    @classmethod
    def tree_unflatten(cls, static: Any, children: Any) -> Transpose:
        """The transpose again."""
        return cls(*children, *static)


@held_back()
def linear_transpose(fun: Callable[..., Any], *primals: Any) -> Callable[[Any], Any]:
    """The transpose of a function that is linear in all its arguments.

    Args:
        fun: a linear function of arrays or trees of arrays.
        *primals: arrays, or objects with ``shape`` and ``dtype``: only their types are
            read.

    Returns:
        A function of a cotangent in the tree of the output, giving a tuple of
        cotangents with the shapes and dtypes of ``primals``. Its cost is that of
        ``fun``.

    Raises:
        NotLinearError: ``fun`` is not linear in its arguments.
        TypeError: inputs or outputs are neither all floating-point or complex nor all
            integers. Integer functions are transposed by JAX.

    Example:
        >>> import jax, irad
        >>> scalar = jax.ShapeDtypeStruct((), "float32")
        >>> fun = lambda x, y: 0.5 * x - 2 * y
        >>> transposed = irad.linear_transpose(fun, scalar, scalar)
        >>> [float(c) for c in transposed(jax.numpy.float32(1.0))]
        [0.5, -2.0]
    """
    check_callable(fun)
    leaves, tree = jax.tree_util.tree_flatten(tuple(primals))
    avals = [ir.abstract_value(x) for x in leaves]

    if not all(ir.is_inexact(aval.dtype) for aval in avals):
        # Integers carry no tangents, but what adds and copies them has a transpose.
        return jax.linear_transpose(fun, *primals)

    def call(tracers: Any) -> Any:
        return fun(*jax.tree_util.tree_unflatten(tree, tracers))

    captured = capture(fun, avals, call, purpose="linear_transpose", concrete=False)
    types = [*captured.in_avals, *captured.out_avals]
    if not all(ir.is_inexact(aval.dtype) for aval in types):
        raise TypeError(
            "linear_transpose supports functions from floating-point or complex arrays "
            "to floating-point or complex arrays, but got "
            f"{[a.dtype.name for a in captured.in_avals]} -> "
            f"{[a.dtype.name for a in captured.out_avals]}."
        )
    made, captured = staged(
        captured, *captured.stage("linear_transpose", derivatives.transposed)
    )
    if made is None:
        raise NotLinearError(
            f"linear_transpose: {captured.name} is not linear in its arguments: its "
            "derivative depends on where it is taken. Use irad.vjp at a point instead."
        )
    return Transpose(
        made.forward(captured.inputs[: captured.num_consts]),
        made,
        captured.out_tree,
        tuple(captured.out_avals),
        tree,
        tuple(captured.in_avals),
    )
