"""Reverse mode for scalar functions: ``grad`` and ``value_and_grad``; ``vjp``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

from irad import derivatives
from irad.capture import Captured
from irad.checkpointing import Schedule
from irad.checkpointing.options import MAX_CHECKPOINTS
from irad.collection import held_back
from irad.derivatives import Split
from irad.limits import Derivative, Memory, chosen
from irad.staging import Program, staged
from irad.transforms.arguments import (
    ArgNums,
    Arguments,
    all_arguments,
    check_callable,
    check_differentiable_inputs,
    check_differentiable_output,
    normalize_argnums,
    select_arguments,
    wraps,
)
from irad.transforms.memory_options import Size, memory_options


def grad(
    fun: Callable[..., Any],
    argnums: ArgNums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    memory_limit: Size = None,
    max_checkpoints: int = MAX_CHECKPOINTS,
    nan_safe: bool = False,
) -> Callable[..., Any]:
    """The gradient of a scalar-valued function, by reverse mode.

    A drop-in for ``jax.grad``. The function runs once a call, on traced values in place
    of the arguments in ``argnums``; Python control flow may ask for their numbers when
    they are known. On arrays the derivative program is compiled, and found again by its
    content the next time.

    Args:
        fun: a function of arrays or trees of arrays with a scalar real output of shape
            ``()`` (complex if ``holomorphic``).
        argnums: which positional arguments to differentiate in: an int, or several.
        has_aux: whether ``fun`` returns ``(output, auxiliary)``.
        holomorphic: whether ``fun`` is promised to be holomorphic; then inputs and
            output are complex.
        allow_int: whether integer inputs are allowed; their gradients are float0.
        memory_limit: bytes, or a text such as ``"512MiB"``: a bound on the temporaries
            of the compiled gradient program, as XLA accounts for them. The fastest of
            irad's schedules that is within it is taken; parts of ``fun`` may run again.
        max_checkpoints: how many states the reverse mode of a loop of unknown length
            (``while_loop``) stores, of all its steps; the fewer, the more run again. A
            loop that counts its steps is a ``scan``, and keeps what a ``scan`` does.
        nan_safe: whether elements that a choice leaves out have gradient 0 where their
            slope is infinite or no number: ``jnp.where(x > 0, jnp.log(x), 0.0)`` at 0.
            JAX, and irad where this is not asked for, give NaN. It costs at most a
            choice for each that is left out.

    Returns:
        A function of the same arguments that gives the gradient in the tree, shapes and
        dtypes of the arguments in ``argnums`` (a tuple of trees for several), or
        ``(gradient, auxiliary)``. Running it costs 2 to 4 times the flops of ``fun``.

    Raises:
        TypeError: an input is not floating-point, or the output is not a real scalar.
        NoRuleError: a primitive between them has no derivative.
        NotDifferentiableError: an equation between them has no reverse mode.
        PlanError: nothing fits ``memory_limit``; the message has the least that would.

    Source: reverse accumulation, Griewank & Walther, Evaluating Derivatives (2008),
    section 3.2.

    Example:
        >>> import irad
        >>> float(irad.grad(lambda x: x**3)(2.0))
        12.0
    """
    memory = memory_options(
        memory_limit, max_checkpoints=max_checkpoints, nan_safe=nan_safe
    )
    transformed = _value_and_grad(
        fun, argnums, has_aux, holomorphic, allow_int, memory, with_value=False
    )
    doc = f"Gradient of {{fun}} with respect to positional argument(s) {argnums}."

    @wraps(fun, doc)
    def grad_of(*args: Any, **kwargs: Any) -> Any:
        value, gradient = transformed(args, kwargs)
        return (gradient, value) if has_aux else gradient

    return grad_of


def value_and_grad(
    fun: Callable[..., Any],
    argnums: ArgNums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    memory_limit: Size = None,
    max_checkpoints: int = MAX_CHECKPOINTS,
    nan_safe: bool = False,
) -> Callable[..., Any]:
    """The value and the gradient of a scalar-valued function, computed together.

    Takes what ``irad.grad`` takes and raises what it raises.

    Returns:
        A function of the same arguments that gives ``(value, gradient)``, or
        ``((value, auxiliary), gradient)`` with ``has_aux``.

    Example:
        >>> import irad
        >>> value, gradient = irad.value_and_grad(lambda x: x**3)(2.0)
        >>> float(value), float(gradient)
        (8.0, 12.0)
    """
    memory = memory_options(
        memory_limit, max_checkpoints=max_checkpoints, nan_safe=nan_safe
    )
    transformed = _value_and_grad(
        fun, argnums, has_aux, holomorphic, allow_int, memory, with_value=True
    )
    doc = f"Value and gradient of {{fun}} with respect to argument(s) {argnums}."

    @wraps(fun, doc)
    def value_and_grad_of(*args: Any, **kwargs: Any) -> Any:
        return transformed(args, kwargs)

    return value_and_grad_of


def _value_and_grad(
    fun: Callable[..., Any],
    argnums: ArgNums,
    has_aux: bool,
    holomorphic: bool,
    allow_int: bool,
    memory: Memory,
    *,
    with_value: bool,
) -> Callable[[tuple[Any, ...], dict[str, Any]], tuple[Any, Any]]:
    check_callable(fun)
    argnums = normalize_argnums(argnums)

    def transformed(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        given = select_arguments(fun, argnums, args, kwargs)
        captured = capture_scalar(
            given,
            has_aux=has_aux,
            holomorphic=holomorphic,
            allow_int=allow_int,
            whole=memory.is_limited,
        )
        n = 1 if with_value else 0
        outs = _run(captured, memory, with_value=with_value)
        aux_count = len(captured.jaxpr.outvars) - 1
        gradient = given.unflatten(
            derivatives.with_float0(captured.in_avals, outs[n + aux_count :])
        )
        value = outs[0] if with_value else None
        if with_value:
            value = jax.tree_util.tree_unflatten(captured.out_tree, [value])
        if captured.aux is not None:
            aux = captured.aux(outs[n : n + aux_count])
            value = (value, aux) if with_value else aux
        return value, gradient

    return transformed


def capture_scalar(
    given: Arguments,
    *,
    has_aux: bool,
    holomorphic: bool = False,
    allow_int: bool = False,
    whole: bool = False,
) -> Captured:
    """A function that has a gradient on some arguments, captured and checked."""
    check_differentiable_inputs(
        "grad", given.leaves, holomorphic=holomorphic, allow_int=allow_int
    )
    captured = given.captured("grad", has_aux=has_aux, whole=whole)
    _check_scalar(captured)
    check_differentiable_output("grad", captured.out_avals[0], holomorphic=holomorphic)
    return captured


def _run(captured: Captured, memory: Memory, *, with_value: bool) -> list[Any]:
    def make(captured: Captured) -> Program:
        def by(schedule: Schedule) -> Derivative[Program]:
            made = derivatives.gradient(
                captured.jaxpr,
                captured.num_consts,
                with_value=with_value,
                schedule=schedule,
            )
            return Derivative(Program(made, "grad"), [made])

        return chosen(captured.jaxpr, by, memory, captured.name)

    key = ("grad", captured.num_consts, with_value, memory)
    program, captured = staged(captured, key, make)
    return program(captured.inputs)


def _check_scalar(captured: Captured) -> None:
    avals = captured.out_avals
    if len(avals) != 1 or not jax.tree_util.treedef_is_leaf(captured.out_tree):
        raise TypeError(
            "Gradient only defined for scalar-output functions. Output of "
            f"{captured.name} was a tree of {len(avals)} arrays: "
            f"{captured.out_tree}. Return one scalar, or use has_aux=True, irad.vjp or "
            "irad.jacobian."
        )
    shape = getattr(avals[0], "shape", None)
    if shape != ():
        raise TypeError(
            "Gradient only defined for scalar-output functions. Output of "
            f"{captured.name} had shape: {shape}. Reduce it to a scalar, or use "
            "irad.vjp or irad.jacobian."
        )


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True, eq=False)
class VJP:
    """A pullback: a cotangent of the output to a tuple of cotangents of the inputs.

    A pytree of its residuals, so that it passes through ``jax.jit`` both ways.
    """

    residuals: list[Any]
    program: Any
    out_tree: Any
    out_avals: tuple[Any, ...]
    in_tree: Any
    in_avals: tuple[Any, ...]
    name: str

    def __call__(self, cotangent: Any, *extra: Any) -> Any:
        """Pulls a cotangent back."""
        if extra:
            raise TypeError(
                f"the function returned by irad.vjp applied to {self.name} was called "
                f"with {len(extra) + 1} arguments; it takes one, in the tree of the "
                "output (a tuple if the output is one)."
            )
        leaves, tree = jax.tree_util.tree_flatten(cotangent)
        if tree != self.out_tree:
            raise ValueError(
                "unexpected tree structure: the cotangent passed to the function "
                f"returned by irad.vjp has tree {tree}, but the output of {self.name} "
                f"has tree {self.out_tree}."
            )
        given = derivatives.checked_cotangents(leaves, self.out_avals)
        carried = zip(given, self.program.carries, strict=False)
        live = [c for c, carries in carried if carries]
        outs = self.program.linear([*self.residuals, *live])
        results = self.program.pulled(outs, self.in_avals)
        return jax.tree_util.tree_unflatten(self.in_tree, results)

    def tree_flatten(self) -> Any:
        """The residuals, and everything else as static data."""
        static = (
            self.program,
            self.out_tree,
            self.out_avals,
            self.in_tree,
            self.in_avals,
            self.name,
        )
        return (self.residuals,), static

    @classmethod
    def tree_unflatten(cls, static: Any, children: Any) -> VJP:
        """The pullback again."""
        return cls(*children, *static)


@held_back()
def vjp(
    fun: Callable[..., Any],
    *primals: Any,
    has_aux: bool = False,
    memory_limit: Size = None,
    max_checkpoints: int = MAX_CHECKPOINTS,
    nan_safe: bool = False,
) -> Any:
    """The value and the pullback of a function: ``(y, c -> J^T c)``.

    Args:
        fun: a function of arrays or trees of arrays.
        *primals: the point; integer arrays are allowed and get float0 cotangents.
        has_aux: whether ``fun`` returns ``(output, auxiliary)``.
        memory_limit: bytes, or a text such as ``"512MiB"``: a bound on the residuals
            and the temporaries of either program, forward or pullback.
        max_checkpoints: as for ``irad.grad``.
        nan_safe: as for ``irad.grad``.

    Returns:
        ``(y, pullback)``, or ``(y, pullback, auxiliary)``. ``pullback`` takes a
        cotangent in the tree, shapes and dtypes of ``y`` and returns a tuple of
        cotangents, one for each primal; for complex arrays the pairing is ``Re(sum(c *
        t))``, without a conjugate. It is a pytree of residuals and passes through
        ``jax.jit``.

    Raises:
        ValueError: the cotangent does not match ``y`` in tree, shape or dtype.
        NoRuleError, NotDifferentiableError: as ``irad.grad``.

    Example:
        >>> import irad
        >>> y, pullback = irad.vjp(lambda a, b: a * b, 2.0, 5.0)
        >>> [float(c) for c in pullback(1.0)]
        [5.0, 2.0]
    """
    check_callable(fun)
    given = all_arguments(fun, primals)
    memory = memory_options(
        memory_limit, max_checkpoints=max_checkpoints, nan_safe=nan_safe
    )
    captured = given.captured("vjp", has_aux=has_aux, whole=memory.is_limited)
    split, captured = staged_split(captured, "vjp", derivatives.vjp, memory)
    value, residuals, aux = run_forward(captured, split)
    pullback = VJP(
        residuals,
        split,
        captured.out_tree,
        tuple(captured.out_avals),
        given.tree,
        tuple(captured.in_avals),
        captured.name,
    )
    return (value, pullback, aux) if has_aux else (value, pullback)


def split_derivative(split: Split) -> Derivative[Split]:
    """A split derivative, which holds its residuals from one program to the other."""
    programs = [split.forward.jaxpr, split.linear.jaxpr]
    return Derivative(split, programs, split.residual_bytes)


def staged_split(
    captured: Captured, name: str, make: Callable[..., Split], memory: Memory
) -> tuple[Split, Captured]:
    """Forward and linear program of a function, by the schedule that is wanted."""

    def make_for(captured: Captured) -> Split:
        def by(schedule: Schedule) -> Derivative[Split]:
            split = make(
                captured.jaxpr, captured.num_consts, captured.num_outputs, schedule
            )
            return split_derivative(split)

        return chosen(captured.jaxpr, by, memory, captured.name)

    key = (name, captured.num_consts, captured.num_outputs, memory)
    return staged(captured, key, make_for)


def run_forward(captured: Captured, split: Any) -> tuple[Any, list[Any], Any]:
    """Runs a forward program: the value, the residuals and the auxiliary output."""
    outs = split.forward(captured.inputs)
    n = captured.num_outputs
    m = len(captured.jaxpr.outvars)
    value = jax.tree_util.tree_unflatten(captured.out_tree, outs[:n])
    aux = captured.aux(outs[n:m]) if captured.aux is not None else None
    residuals = split.residuals(captured.inputs, outs[m:])
    return value, residuals, aux
