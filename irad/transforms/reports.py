"""What a gradient keeps, for users to look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from irad import derivatives
from irad._compat.ir import ClosedJaxpr
from irad.capture import Captured
from irad.checkpointing import Checkpointing, Schedule, scheduled
from irad.cost import cost_of, tidied
from irad.keeping.lifetimes import Programs
from irad.keeping.report import Residuals
from irad.keeping.values import values_of
from irad.limits import Derivative, Memory, chosen, temporaries
from irad.transforms.arguments import (
    ArgNums,
    Arguments,
    check_callable,
    normalize_argnums,
    select_arguments,
    wraps,
)
from irad.transforms.memory_options import Size, memory_options
from irad.transforms.reverse import capture_scalar

_DOC = "What the gradient of {{fun}} in positional argument(s) {argnums} keeps."
EVERYTHING = Checkpointing(storing=0.0)
_Made = tuple[Schedule, ClosedJaxpr]


def residuals(
    fun: Callable[..., Any],
    argnums: ArgNums = 0,
    *,
    has_aux: bool = False,
    memory_limit: Size = None,
    schedule: str = "auto",
) -> Callable[..., Residuals]:
    """What the gradient of a function keeps and what it computes again, and why.

    The gradient program is made as by ``irad.grad`` and compiled, and is not run.

    Args:
        fun: as for ``irad.grad``.
        argnums: which positional arguments to differentiate in: an int, or several.
        has_aux: whether ``fun`` returns ``(output, auxiliary)``.
        memory_limit: as for ``irad.grad``.
        schedule: as for ``irad.attach``.

    Returns:
        A function of the same arguments that gives a ``Residuals``, which prints as a
        table: each value with its bytes, the equation and the line that make it, and
        the reason; what the program is predicted to hold at once and what XLA reports.

    Raises:
        What ``irad.grad`` raises.

    Example:
        >>> import irad, jax, jax.numpy as jnp
        >>> step = lambda x, _: (jnp.sin(x), None)
        >>> f = lambda x: jax.lax.scan(step, x, length=100)[0]
        >>> [(v.decision, v.name, v.steps) for v in irad.residuals(f)(1.0).values]
        [('kept', 'cos', 100)]
    """
    check_callable(fun)
    argnums = normalize_argnums(argnums)
    memory = memory_options(memory_limit, schedule)

    @wraps(fun, _DOC.format(argnums=argnums))
    def residuals_of(*args: Any, **kwargs: Any) -> Residuals:
        given = select_arguments(fun, argnums, args, kwargs)
        captured = capture_scalar(given, has_aux=has_aux, whole=memory.is_limited)
        captured = captured.with_counted_loops()
        return _report(captured, given, memory)

    return residuals_of


def _report(captured: Captured, given: Arguments, memory: Memory) -> Residuals:
    jaxpr, k = captured.jaxpr, captured.num_consts

    def by(schedule: Schedule) -> Derivative[_Made]:
        made = derivatives.gradient(jaxpr, k, with_value=False, schedule=schedule)
        return Derivative((schedule, made), [made])

    schedule, made = chosen(jaxpr, by, memory, captured.name)
    names = [*(f"constant {i}" for i in range(k)), *given.names()]
    wanted = tuple(j == 0 for j in range(len(jaxpr.outvars)))
    m = captured.num_outputs
    everything = derivatives.vjp(jaxpr, k, m, Schedule(checkpointing=EVERYTHING))
    return Residuals(
        f"gradient of {captured.name}",
        values_of(
            scheduled(jaxpr, schedule),
            derivatives.active_inputs(jaxpr, k),
            wanted,
            schedule.checkpointing,
            names,
        ),
        cost_of(tidied(made.jaxpr)),
        temporaries(Derivative(None, [made])),
        Programs(jaxpr, everything.forward.jaxpr, made),
    )
