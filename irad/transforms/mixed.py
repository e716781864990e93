"""Jacobians and Hessians in the order that costs least."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax

from irad import derivatives
from irad._compat import ir
from irad.capture import Captured
from irad.planned import Followed, digest, follow, plan_for
from irad.planning.choice import Options
from irad.planning.plans import Plan
from irad.staging import staged
from irad.transforms.arguments import (
    ArgNums,
    Arguments,
    check_callable,
    is_complex,
    normalize_argnums,
    select_arguments,
    wraps,
)
from irad.transforms.formats import FORMS, formatted
from irad.transforms.jacobians import capture_reverse, jacfwd, jacrev
from irad.transforms.memory_options import Size
from irad.transforms.requests import (
    Effort,
    Format,
    Order,
    Request,
    request,
)

_DOC = "Jacobian of {{fun}} with respect to positional argument(s) {argnums}."
_HESSIAN = "Hessian of {{fun}} with respect to positional argument(s) {argnums}."
_PLAN = "Plan of the Jacobian of {{fun}} in positional argument(s) {argnums}."


def jacobian(
    fun: Callable[..., Any],
    argnums: ArgNums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    order: Order = "auto",
    effort: Effort = "search",
    format: Format = "dense",
    chunk_size: Size = None,
    memory_limit: Size = None,
    plan: Plan | None = None,
) -> Callable[..., Any]:
    """The Jacobian of a function, in the order that costs least.

    The ways to the Jacobian are priced in operations, memory traffic and memory, and
    the one that is predicted to be fastest is taken; ``irad.plan`` shows the prices.
    Where the Jacobian is sparse, banded, or made of blocks or narrow products, only
    what is not zero is computed.

    Args:
        fun: a function of real arrays or trees of them (complex if ``holomorphic``).
        argnums: which positional arguments to differentiate in: an int, or several.
        has_aux: whether ``fun`` returns ``(output, auxiliary)``.
        holomorphic: whether ``fun`` is promised to be holomorphic.
        allow_int: whether integer inputs are allowed; their derivatives are zero.
        order: ``"auto"``, or the ways to choose among: ``"forward"`` (columns are
            pushed), ``"reverse"`` (rows are pulled), ``"chain"`` (cut at bottlenecks),
            ``"markowitz"`` and ``"elimination"`` (variables are eliminated one by one),
            ``"compressed"`` (columns or rows that do not meet share a push or a pull),
            or the vertices to eliminate, in order, as ``irad.plan`` numbers them.
        effort: ``"estimate"``, ``"search"`` (for orders of elimination too), or
            ``"measure"`` (compile the best few and time them, once for a program;
            ``irad.save_plans`` keeps that for other processes).
        format: ``"dense"``: the tree of outputs by inputs, with arrays of shape
            ``(*output.shape, *input.shape)``; ``"bcoo"``: the same tree of
            ``jax.experimental.sparse.BCOO``; ``"scipy"``: one ``csr_array`` on the
            host, outputs and inputs flattened in order; ``"operator"``: an
            ``irad.Jacobian``.
        chunk_size: so many columns or rows go in one batch; ``"auto"`` takes as many
            as fit in ``memory_limit``, or in 2 GiB.
        memory_limit: bytes, or a text such as ``"2GiB"``: only ways that hold no more
            at once are considered, results and temporaries of the compiled program
            together. Columns or rows go in chunks where all of them do not fit.
        plan: a plan from ``irad.plan`` for the same program, to be followed.

    Returns:
        A function of the same arguments: the Jacobian, or that and the auxiliary.

    Raises:
        TypeError: an input or output of a type that cannot be differentiated.
        PlanError: no way is open, or none fits ``memory_limit`` (then the least that
            would do is named), or ``plan`` is for another program.

    Example:
        >>> import irad, jax.numpy as jnp
        >>> irad.jacobian(lambda x: x * x)(jnp.array([1.0, 2.0])).tolist()
        [[2.0, 0.0], [0.0, 4.0]]
    """
    check_callable(fun)
    argnums = normalize_argnums(argnums)
    wanted = request(
        order,
        effort,
        format,
        chunk_size,
        memory_limit,
        plan,
        has_aux=has_aux,
        holomorphic=holomorphic,
        allow_int=allow_int,
    )

    @wraps(fun, _DOC.format(argnums=argnums))
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        given = select_arguments(fun, argnums, args, kwargs)
        captured = _captured(given, wanted)
        outs, result = _run(captured, given, wanted)
        return _with_aux(result, captured, outs)

    return jacobian_of


def value_and_jacobian(
    fun: Callable[..., Any],
    argnums: ArgNums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    order: Order = "auto",
    effort: Effort = "search",
    format: Format = "dense",
    chunk_size: Size = None,
    memory_limit: Size = None,
    plan: Plan | None = None,
) -> Callable[..., Any]:
    """The value of a function and its Jacobian, from one run.

    Takes what ``irad.jacobian`` takes.

    Returns:
        A function of the same arguments: ``(value, Jacobian)``, or
        ``((value, auxiliary), Jacobian)`` with ``has_aux``.

    Example:
        >>> import irad, jax.numpy as jnp
        >>> y, J = irad.value_and_jacobian(lambda x: x * x)(jnp.array([1.0, 2.0]))
        >>> y.tolist(), J.tolist()
        ([1.0, 4.0], [[2.0, 0.0], [0.0, 4.0]])
    """
    check_callable(fun)
    argnums = normalize_argnums(argnums)
    wanted = request(
        order,
        effort,
        format,
        chunk_size,
        memory_limit,
        plan,
        has_aux=has_aux,
        holomorphic=holomorphic,
        allow_int=allow_int,
    )

    @wraps(fun, "Value and Jacobian of {fun}.")
    def value_and_jacobian_of(*args: Any, **kwargs: Any) -> Any:
        given = select_arguments(fun, argnums, args, kwargs)
        captured = _captured(given, wanted)
        outs, result = _run(captured, given, wanted)
        leaves = outs[: captured.num_outputs]
        value = jax.tree_util.tree_unflatten(captured.out_tree, leaves)
        return _with_aux(value, captured, outs), result

    return value_and_jacobian_of


def hessian(
    fun: Callable[..., Any],
    argnums: ArgNums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    order: Order = "auto",
    effort: Effort = "search",
    format: Format = "dense",
    chunk_size: Size = None,
    memory_limit: Size = None,
    plan: Plan | None = None,
) -> Callable[..., Any]:
    """The Hessian of a function: the Jacobian of its gradient, as cheap as it can be.

    A Hessian that is sparse or banded is computed without its zeros. Takes what
    ``irad.jacobian`` takes, but integer inputs. Of a function with several outputs, or
    complex ones, it is forward over reverse, in the dense format alone.

    Returns:
        A function of the same arguments: the tree of outputs by inputs by inputs, with
        leaves of shape ``(*output.shape, *input.shape, *input.shape)``, or what
        ``format`` says, of inputs by inputs.

    Example:
        >>> import irad, jax.numpy as jnp
        >>> irad.hessian(lambda x: x[0] ** 2 * x[1])(jnp.array([1.0, 2.0])).tolist()
        [[4.0, 2.0], [2.0, 0.0]]
    """
    check_callable(fun)
    argnums = normalize_argnums(argnums)
    wanted = request(
        order,
        effort,
        format,
        chunk_size,
        memory_limit,
        plan,
        has_aux=has_aux,
        holomorphic=holomorphic,
    )

    @wraps(fun, _HESSIAN.format(argnums=argnums))
    def hessian_of(*args: Any, **kwargs: Any) -> Any:
        given = select_arguments(fun, argnums, args, kwargs)
        captured = _captured(given, wanted)
        if not _has_plain_gradient(captured):
            return _forward_over_reverse(given, argnums, wanted)
        symmetric = replace(wanted.options, symmetric=True)
        request_ = replace(wanted, options=symmetric)
        outs, result = _run(_gradient(captured, given), given, request_)
        if format == "dense":
            result = jax.tree_util.tree_unflatten(captured.out_tree, [result])
        return _with_aux(result, captured, outs, of_gradient=True)

    return hessian_of


def plan(
    fun: Callable[..., Any],
    argnums: ArgNums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    order: Order = "auto",
    effort: Effort = "search",
    format: Format = "dense",
    chunk_size: Size = None,
    memory_limit: Size = None,
    second_order: bool = False,
) -> Callable[..., Plan]:
    """How ``irad.jacobian`` would go about a function, and why.

    Takes what ``irad.jacobian`` takes; with ``second_order`` it plans ``irad.hessian``.
    The function is captured on the arguments, nothing is compiled (unless
    ``effort="measure"``).

    The ways are ``forward`` and ``reverse``: all columns are pushed, or all rows
    pulled, in one batch; the same, ``structured``: each element keeps the few entries
    that it has; ``forward, apart``: narrow variables are multiplied in at the end;
    ``chain``: cut where least passes; ``compressed``: columns, or rows, or some of
    both, that never meet go together; ``elimination``: variables one by one.

    Returns:
        A function of the same arguments that gives a ``Plan``. Printed, it is a table;
        ``irad.jacobian(fun, plan=...)`` follows it.

    Example:
        >>> import irad, jax.numpy as jnp
        >>> irad.plan(lambda x: jnp.tanh(x))(jnp.ones(1000)).order
        'forward, structured'
    """
    check_callable(fun)
    argnums = normalize_argnums(argnums)
    wanted = request(
        order,
        effort,
        format,
        chunk_size,
        memory_limit,
        None,
        has_aux=has_aux,
        holomorphic=holomorphic,
        allow_int=allow_int,
    )

    @wraps(fun, _PLAN.format(argnums=argnums))
    def plan_of(*args: Any, **kwargs: Any) -> Plan:
        given = select_arguments(fun, argnums, args, kwargs)
        captured = _captured(given, wanted)
        if second_order:
            if not _has_plain_gradient(captured):
                raise ValueError(
                    "a Hessian is planned for functions with one real scalar output"
                )
            captured = _gradient(captured, given)
            symmetric = replace(wanted.options, symmetric=True)
            return plan_for(captured, symmetric, None)
        return plan_for(captured, _restricted(captured, wanted), None)

    return plan_of


def _captured(given: Arguments, wanted: Request) -> Captured:
    captured = capture_reverse(
        given,
        "jacobian",
        has_aux=wanted.has_aux,
        holomorphic=wanted.holomorphic,
        allow_int=wanted.allow_int,
    )
    # A plan is for the program as it is followed.
    return captured.with_counted_loops()


def _restricted(captured: Captured, wanted: Request) -> Options:
    """The options less the ways that JAX does not go: forward in complex or integer."""
    options = wanted.options
    complex_ = any(is_complex(aval.dtype) for aval in captured.in_avals)
    if options.order == "auto" and (
        wanted.allow_int or (complex_ and not wanted.holomorphic)
    ):
        return replace(options, order="reverse")
    return options


def _run(captured: Captured, given: Arguments, wanted: Request) -> tuple[Any, Any]:
    """The values of all outputs, and the Jacobian in its format."""
    options = _restricted(captured, wanted)
    literals = captured.num_consts

    def make(program: Captured) -> Followed:
        lifted = program.num_consts - literals
        found = plan_for(captured, options, wanted.plan)
        return follow(program, found, FORMS[wanted.format], lifted)

    counts = (captured.num_consts, captured.num_outputs)
    chosen = None if wanted.plan is None else wanted.plan.recipe
    # A plan that could not be measured is for traced inputs only.
    traced = options.effort == "measure" and captured.is_abstract
    key = ("jacobian", *counts, options, traced, wanted.format, chosen)
    key = (*key, digest(captured))
    if wanted.plan is not None:
        plan_for(captured, options, wanted.plan)
    followed, program = staged(captured, key, make)
    outs, result = followed.run(program.inputs)
    return outs, formatted(wanted.format, followed, result, captured, given)


def _with_aux(
    result: Any, captured: Captured, outs: Any, *, of_gradient: bool = False
) -> Any:
    if captured.aux is None:
        return result
    first = len(captured.in_avals) if of_gradient else captured.num_outputs
    return result, captured.aux(outs[first:])


def _has_plain_gradient(captured: Captured) -> bool:
    """Whether there is one output, a real scalar."""
    if captured.num_outputs != 1:
        return False
    (aval,) = captured.out_avals
    return aval.shape == () and not is_complex(aval.dtype)


def _gradient(captured: Captured, given: Arguments) -> Captured:
    """The gradient of a captured function as a captured function.

    Its outputs are the cotangents of the inputs, then the auxiliary ones.
    """
    closed = derivatives.gradient(captured.jaxpr, captured.num_consts, with_value=False)
    jaxpr = ir.with_constants_as_inputs(closed.jaxpr)
    n = len(captured.in_avals)
    extra = len(captured.jaxpr.outvars) - 1
    jaxpr = jaxpr.replace(outvars=[*jaxpr.outvars[extra:], *jaxpr.outvars[:extra]])
    return replace(
        captured,
        jaxpr=jaxpr,
        inputs=[*closed.consts, *captured.inputs],
        num_consts=captured.num_consts + len(closed.consts),
        num_outputs=n,
        out_tree=given.result_tree,
    )


def _forward_over_reverse(given: Arguments, argnums: ArgNums, wanted: Request) -> Any:
    if wanted.format != "dense" or wanted.plan is not None:
        raise ValueError(
            f"format={wanted.format!r} and plan= are for functions with one real "
            "scalar output; this one has others. Use format='dense'."
        )
    options = {"has_aux": wanted.has_aux, "holomorphic": wanted.holomorphic}
    of = jacfwd(jacrev(given.fun, argnums, **options), argnums, **options)
    return of(*given.args, **given.kwargs)
