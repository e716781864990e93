"""Attachment: a function with irad's derivatives, for JAX and its users to take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from irad import derivatives
from irad._compat import ir
from irad._compat.linear_call import linear_call
from irad.attachable import Attachable, attachable
from irad.capture import Captured, capture
from irad.checkpointing import Schedule
from irad.checkpointing.options import MAX_CHECKPOINTS
from irad.derivatives import Split
from irad.limits import Derivative, Memory, chosen
from irad.linearization import is_differentiable
from irad.staging import Program, staged
from irad.transforms.arguments import check_callable, wraps
from irad.transforms.memory_options import Size, memory_options
from irad.transforms.reverse import split_derivative


def attach(
    fun: Callable[..., Any],
    *,
    memory_limit: Size = None,
    schedule: str = "auto",
    max_checkpoints: int = MAX_CHECKPOINTS,
) -> Callable[..., Any]:
    """The same function, which JAX differentiates by irad's programs.

    ``jax.grad`` of a program that calls it takes irad's derivative of this part, in
    forward and in reverse mode, under ``jax.vmap`` and ``jax.jit``; what it closes over
    is differentiated too. Second derivatives are JAX's derivatives of irad's programs.

    Args:
        fun: a function of arrays, trees of arrays and other arguments, with arrays or
            trees of arrays as results. It is called once for each call and traced.
        memory_limit: bytes, or a text such as ``"512MiB"``: a bound on the residuals
            and the temporaries of the derivative of this part.
        schedule: ``"auto"`` keeps what makes the gradient fastest, or what fits the
            limit; ``"all"`` keeps everything that is read and computes nothing again;
            ``"none"`` keeps only the inputs, of a loop only its first state;
            ``"sqrt"`` the inputs of about as many segments as each has steps;
            ``"binomial"`` 32 states of a loop, or as many as fit the limit, placed so
            that the fewest steps are run again.
        max_checkpoints: as for ``irad.grad``.

    Returns:
        A function that is called as ``fun`` is and returns what it returns.

    Raises:
        PlanError: when it is differentiated and nothing fits the limit.

    Example:
        >>> import irad, jax, jax.numpy as jnp
        >>> layer = irad.attach(lambda w, x: jnp.sum(jnp.tanh(w * x)))
        >>> float(jax.grad(layer)(0.0, 2.0))
        2.0
    """
    check_callable(fun)
    memory = memory_options(memory_limit, schedule, max_checkpoints)

    @wraps(fun, "{fun} with the derivatives of irad attached.")
    def attached(*args: Any, **kwargs: Any) -> Any:
        leaves, tree = jax.tree_util.tree_flatten((args, kwargs))
        places = [i for i, x in enumerate(leaves) if _is_differentiated(x)]

        def call(arrays: Sequence[Any]) -> Any:
            filled = list(leaves)
            for i, x in zip(places, arrays, strict=True):
                filled[i] = x
            args, kwargs = jax.tree_util.tree_unflatten(tree, filled)
            return fun(*args, **kwargs)

        arrays = [leaves[i] for i in places]
        names = [f"argument {i}" for i in places]
        captured = capture(
            fun, arrays, call, has_aux=False, purpose="attach", names=lambda: names
        )
        outs = _differentiable(captured, memory)(*captured.inputs)
        return jax.tree_util.tree_unflatten(captured.out_tree, outs)

    return attached


def checkpoint(
    fun: Callable[..., Any],
    *,
    memory_limit: Size = None,
    schedule: str | None = None,
) -> Callable[..., Any]:
    """The same function, whose gradient keeps less: ``attach`` with a schedule.

    In contrast to ``jax.checkpoint`` it chooses what to keep by cost, cuts loops into
    segments, and is effective on CPUs outside of loops as well.

    Args:
        fun: as for ``irad.attach``.
        memory_limit: as for ``irad.attach``.
        schedule: as for ``irad.attach``; by default ``"sqrt"``, with a limit
            ``"auto"``.

    Example:
        >>> import irad, jax, jax.numpy as jnp
        >>> step = lambda x, _: (jnp.sin(x), None)
        >>> f = irad.checkpoint(lambda x: jax.lax.scan(step, x, length=100)[0])
        >>> round(float(jax.grad(f)(1.0)), 4)
        0.0037
    """
    if schedule is None:
        schedule = "sqrt" if memory_limit is None else "auto"
    return attach(fun, memory_limit=memory_limit, schedule=schedule)


def _differentiable(captured: Captured, memory: Memory) -> Callable[..., list[Any]]:
    """A captured program as a function that JAX differentiates by irad's programs."""
    whole = Program(ir.closed_jaxpr(captured.jaxpr), captured.name)
    m = len(captured.jaxpr.outvars)

    @jax.custom_jvp
    def run(*inputs: Any) -> list[Any]:
        return whole(inputs)

    @run.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        here = replace(captured, inputs=list(primals), num_consts=0)
        made, at = staged(here, ("attach", memory), lambda c: _programs(c, memory))
        outs = made.forward(at.inputs)
        live = [t for t in tangents if not ir.is_float0(t)]
        kept = [*at.inputs, *outs[m:]]
        found = iter(linear_call(made.push, made.pull, kept, live))
        return outs[:m], [
            next(found) if is_differentiable(aval) else ir.zero_of_integer(aval)
            for aval in captured.out_avals
        ]

    return run


def _programs(captured: Captured, memory: Memory) -> Attachable:
    """The programs of a function, by the schedule that is wanted."""
    jaxpr, k, m = captured.jaxpr, captured.num_consts, captured.num_outputs

    def by(schedule: Schedule) -> Derivative[Split]:
        return split_derivative(derivatives.vjp(jaxpr, k, m, schedule))

    split = chosen(jaxpr, by, memory, captured.name)
    return attachable(jaxpr, split, derivatives.jvp(jaxpr, k, m).jaxpr)


def _is_differentiated(x: Any) -> bool:
    """Whether an argument is traced: arrays and numbers that are not whole."""
    return ir.is_tracer(x) or isinstance(
        x, (jax.Array, np.ndarray, np.generic, float, complex)
    )
