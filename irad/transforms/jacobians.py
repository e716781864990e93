"""Whole Jacobians in a given mode, and products with a Hessian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax

from irad._compat import ir
from irad.capture import Captured
from irad.seeds import PLAIN
from irad.staging import staged
from irad.transforms.arguments import (
    ArgNums,
    Arguments,
    check_callable,
    check_differentiable_inputs,
    check_differentiable_output,
    check_is_array,
    is_complex,
    normalize_argnums,
    select_arguments,
    wraps,
)
from irad.transforms.forward import jvp
from irad.transforms.reverse import grad

_DOC = "Jacobian of {{fun}} with respect to positional argument(s) {argnums}."


def jacfwd(
    fun: Callable[..., Any],
    argnums: ArgNums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """The Jacobian of a function, column by column in forward mode.

    Costs one push for each input element, all in one batch: for ``n`` inputs about
    ``n`` times the flops and memory of ``irad.jvp``.

    Args:
        fun: a function of real arrays or trees of them (complex if ``holomorphic``).
        argnums: which positional arguments to differentiate in: an int, or several.
        has_aux: whether ``fun`` returns ``(output, auxiliary)``.
        holomorphic: whether ``fun`` is promised to be holomorphic.

    Returns:
        A function of the same arguments: the tree of outputs, each leaf replaced by a
        tree of inputs, whose leaves have shape ``(*output.shape, *input.shape)``; or
        that and the auxiliary.

    Raises:
        TypeError: an input is not real, or not complex if ``holomorphic``.

    Example:
        >>> import irad, jax.numpy as jnp
        >>> irad.jacfwd(lambda x: x * x)(jnp.array([1.0, 2.0])).tolist()
        [[2.0, 0.0], [0.0, 4.0]]
    """
    check_callable(fun)
    argnums = normalize_argnums(argnums)

    @wraps(fun, _DOC.format(argnums=argnums))
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        given = select_arguments(fun, argnums, args, kwargs)
        return _forward(given, has_aux=has_aux, holomorphic=holomorphic)

    return jacobian_of


def jacrev(
    fun: Callable[..., Any],
    argnums: ArgNums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable[..., Any]:
    """The Jacobian of a function, row by row in reverse mode.

    Costs one pull for each output element, all in one batch: for ``m`` outputs about
    ``m`` times the flops and memory of ``irad.vjp``. Takes what ``irad.jacfwd`` takes
    and ``allow_int``, and gives the same tree.

    Example:
        >>> import irad, jax.numpy as jnp
        >>> irad.jacrev(lambda x: x.sum())(jnp.array([1.0, 2.0])).tolist()
        [1.0, 1.0]
    """
    check_callable(fun)
    argnums = normalize_argnums(argnums)

    @wraps(fun, _DOC.format(argnums=argnums))
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        given = select_arguments(fun, argnums, args, kwargs)
        return _reverse(
            given, has_aux=has_aux, holomorphic=holomorphic, allow_int=allow_int
        )

    return jacobian_of


def hvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> Any:
    """The Hessian of a scalar function times a tangent, by forward over reverse.

    Costs 2 to 3 gradients, and never forms the Hessian.

    Args:
        fun: a scalar function of arrays or trees of arrays.
        primals: a tuple or list of arguments.
        tangents: the same tree, shapes and dtypes.

    Returns:
        The product in the tree of the argument (of ``primals`` if there are several).

    Source: Pearlmutter, Fast exact multiplication by the Hessian (1994).

    Example:
        >>> import irad, jax.numpy as jnp
        >>> x, t = jnp.array([1.0, 2.0]), jnp.array([1.0, 0.0])
        >>> irad.hvp(lambda x: x[0] ** 2 * x[1], (x,), (t,)).tolist()
        [4.0, 2.0]
    """
    argnums = tuple(range(len(primals)))
    _, product = jvp(grad(fun, argnums), primals, tangents)
    return product[0] if len(primals) == 1 else product


def _forward(given: Arguments, *, has_aux: bool, holomorphic: bool) -> Any:
    for x in given.leaves:
        _check_forward_input(x, holomorphic=holomorphic)
    captured = given.captured("jacfwd", has_aux=has_aux)
    if holomorphic:
        for aval in captured.out_avals:
            if not is_complex(aval.dtype):
                raise TypeError(
                    "jacfwd with holomorphic=True requires outputs with complex dtype, "
                    f"but got {aval.dtype.name}."
                )
    return _run(captured, given, "forward")


def _reverse(
    given: Arguments, *, has_aux: bool, holomorphic: bool, allow_int: bool
) -> Any:
    captured = capture_reverse(
        given, "jacrev", has_aux=has_aux, holomorphic=holomorphic, allow_int=allow_int
    )
    return _run(captured, given, "reverse")


def capture_reverse(
    given: Arguments, name: str, *, has_aux: bool, holomorphic: bool, allow_int: bool
) -> Captured:
    """A function captured to be differentiated in reverse mode, its types checked."""
    check_differentiable_inputs(
        name, given.leaves, holomorphic=holomorphic, allow_int=allow_int
    )
    captured = given.captured(name, has_aux=has_aux)
    for aval in captured.out_avals:
        check_differentiable_output(name, aval, holomorphic=holomorphic)
    return captured


def _check_forward_input(x: Any, *, holomorphic: bool) -> None:
    check_is_array(x)
    dtype = ir.typeof(x).dtype
    if ir.is_extended(dtype):
        raise TypeError(f"jacfwd with input element type {dtype.name}")
    if holomorphic:
        if not is_complex(dtype):
            raise TypeError(
                "jacfwd with holomorphic=True requires inputs with complex dtype, but "
                f"got {dtype.name}."
            )
    elif is_complex(dtype) or not ir.is_inexact(dtype):
        raise TypeError(
            "jacfwd requires real-valued inputs (input dtype that is a sub-dtype of "
            f"np.floating), but got {dtype.name}. For holomorphic differentiation, "
            "pass holomorphic=True. For differentiation of non-holomorphic functions "
            "involving complex inputs or integer inputs, use irad.jvp directly."
        )


def _run(captured: Captured, given: Arguments, mode: str) -> Any:
    """Computes all blocks and arranges them in the tree of outputs by inputs."""
    program, captured = staged(captured, *captured.stage(mode, PLAIN[mode]))
    outs, blocks = program(captured.inputs)
    rows = [given.unflatten(row) for row in blocks]
    tree = jax.tree_util.tree_unflatten(captured.out_tree, rows)
    if captured.aux is None:
        return tree
    return tree, captured.aux(outs[captured.num_outputs :])
