"""Derivatives of modules: module in, module out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import lax

from irad import accumulate, derivatives
from irad._compat import ir
from irad._compat.ir import ClosedJaxpr, Jaxpr
from irad.checkpointing import Schedule
from irad.errors import ArgumentCountError
from irad.graph import SplitProgram
from irad.limits import Derivative, chosen
from irad.linearization import is_differentiable
from irad.stablehlo.bits import check_bits
from irad.stablehlo.determinants import as_diagonals
from irad.stablehlo.draws import check_draws
from irad.stablehlo.modules import Module, wide
from irad.stablehlo.phases import with_phases
from irad.stablehlo.shifts import with_shifts_stopped
from irad.stablehlo.solves import as_solves
from irad.stablehlo.waits import as_waits
from irad.transforms import mixed
from irad.transforms.memory_options import Size, memory_options
from irad_passes import as_scans, cse, dce, fold, inline, narrow, simplify
from irad_passes.bodies import BODY_PARAMS, bodies_of

Wrt = int | Sequence[int] | None


def jvp(module: Module, wrt: Wrt = None, *, function: str | None = None) -> Module:
    """Values and tangents of a module.

    Args:
        module: the program.
        wrt: the positions of the inputs that have tangents; by default every
            floating-point or complex input has one.
        function: the function of the module; the one that is called by default.

    Returns:
        A module that takes the inputs, then a tangent for each input in ``wrt``, in
        order, and returns the outputs, then the tangent of each floating-point or
        complex output (zeros where it does not depend on those inputs).

    Raises:
        NoRuleError: an operation on an active path has no derivative.
        TypeError: an input in ``wrt`` cannot have a tangent.

    Example:
        >>> import irad
        >>> text = '''func.func @main(%x: tensor<f32>) -> tensor<f32> {
        ...   %y = stablehlo.multiply %x, %x : tensor<f32>
        ...   return %y : tensor<f32>
        ... }'''
        >>> derivative = irad.stablehlo.jvp(irad.stablehlo.load(text))
        >>> [float(y) for y in derivative(3.0, 1.0)]
        [9.0, 6.0]
    """
    given = _Given(module, wrt, function)
    return given.derived(
        "jvp",
        lambda jaxpr: derivatives.pushed(jaxpr, given.active, len(jaxpr.outvars)),
    )


def vjp(
    module: Module,
    wrt: Wrt = None,
    *,
    function: str | None = None,
    memory_limit: Size = None,
) -> Module:
    """Values and cotangents of a module.

    Args:
        module: the program.
        wrt: the positions of the inputs whose cotangents are wanted; by default of
            every floating-point or complex input.
        function: the function of the module; the one that is called by default.
        memory_limit: bytes, or a text such as ``"512MiB"``, as for ``irad.grad``.

    Returns:
        A module that takes the inputs, then a cotangent for each floating-point or
        complex output, and returns the outputs, then the cotangent of each input in
        ``wrt``. The pairing of complex numbers is ``Re(sum(c * t))``.

    Raises:
        NoRuleError, NotDifferentiableError: as ``irad.grad``.
        PlanError: nothing fits ``memory_limit``.
    """
    given = _Given(module, wrt, function)
    return given.derived(
        "vjp",
        given.within(
            memory_limit,
            lambda jaxpr, schedule: derivatives.pulled(jaxpr, given.active, schedule),
        ),
    )


def grad(
    module: Module,
    wrt: Wrt = None,
    *,
    function: str | None = None,
    memory_limit: Size = None,
) -> Module:
    """The gradient of a module whose first output is a real scalar.

    Takes what ``vjp`` takes.

    Returns:
        A module that takes the inputs and returns the gradient with respect to each
        input in ``wrt``.

    Raises:
        TypeError: the first output is no real scalar.
        NoRuleError, NotDifferentiableError, PlanError: as ``vjp``.

    Example:
        >>> import irad
        >>> text = '''func.func @main(%x: tensor<f32>) -> tensor<f32> {
        ...   %y = stablehlo.cosine %x : tensor<f32>
        ...   return %y : tensor<f32>
        ... }'''
        >>> [float(c) for c in irad.stablehlo.grad(irad.stablehlo.load(text))(0.0)]
        [-0.0]
    """
    given = _Given(module, wrt, function)
    given.check_scalar()
    outputs = len(given.jaxpr.outvars)

    def make(jaxpr: Jaxpr, schedule: Schedule) -> ClosedJaxpr:
        made = _gradient(given, jaxpr, schedule)
        return _keeping(made, slice(outputs, None))

    return given.derived("grad", given.within(memory_limit, make))


def value_and_grad(
    module: Module,
    wrt: Wrt = None,
    *,
    function: str | None = None,
    memory_limit: Size = None,
) -> Module:
    """The outputs of a module and the gradient of the first, which is a real scalar.

    Takes and raises what ``grad`` does; its module returns the outputs, then the
    gradient with respect to each input in ``wrt``.
    """
    given = _Given(module, wrt, function)
    given.check_scalar()
    return given.derived(
        "value_and_grad",
        given.within(
            memory_limit, lambda jaxpr, schedule: _gradient(given, jaxpr, schedule)
        ),
    )


def linearize(
    module: Module, wrt: Wrt = None, *, function: str | None = None
) -> tuple[Module, Module]:
    """A module with what its derivative needs, and the derivative as a linear module.

    Takes what ``jvp`` takes.

    Returns:
        Two modules. The first takes the inputs and returns the outputs, then residuals;
        the second takes the residuals, then a tangent for each input in ``wrt``, and
        returns the tangent of each floating-point or complex output.
    """
    given = _Given(module, wrt, function)
    with wide(given.module):
        return given.linearized()


def hvp(module: Module, wrt: Wrt = None, *, function: str | None = None) -> Module:
    """The Hessian of a module's scalar output times a tangent.

    Takes what ``jvp`` takes; forward over reverse.

    Returns:
        A module that takes the inputs, then a tangent for each input in ``wrt``, and
        returns the product for each of them.
    """
    gradient = grad(module, wrt, function=function)
    pushed = jvp(gradient, wrt)
    with wide(pushed):
        kept = _keeping(pushed.closed, slice(len(gradient.outputs), None))
    return _module(kept, f"{module.name}_hvp")


def jacobian(
    module: Module,
    wrt: Wrt = None,
    *,
    function: str | None = None,
    order: Any = "auto",
    memory_limit: Size = None,
) -> Module:
    """All Jacobians of a module, in the order that costs least.

    Args:
        module: the program.
        wrt: the positions of the inputs; by default every floating-point input.
        function: the function of the module; the one that is called by default.
        order: as for ``irad.jacobian``.
        memory_limit: as for ``irad.jacobian``.

    Returns:
        A module that takes the inputs and returns, for each floating-point output and
        each input in ``wrt`` in turn, an array of the output's shape followed by the
        input's.
    """
    module = module if function is None else module.functions[function]
    of_module, argnums = as_function(module, wrt)

    def blocks(*arrays: Any) -> list[Any]:
        rows = mixed.jacobian(
            of_module, argnums=argnums, order=order, memory_limit=memory_limit
        )(*arrays)
        return jax.tree.leaves(rows)

    with wide(module):
        made = jax.make_jaxpr(blocks)(*module.inputs)
    return _module(made, f"{module.name}_jacobian")


def as_function(module: Module, wrt: Wrt) -> tuple[Callable[..., Any], tuple[int, ...]]:
    """A module's floating-point outputs as a function, and the inputs that are meant.

    One such output is returned alone, several as a list.
    """
    wanted = [is_differentiable(y) for y in module.outputs]

    def of_module(*inputs: Any) -> Any:
        outs = [y for y, w in zip(module(*inputs), wanted, strict=True) if w]
        return outs[0] if len(outs) == 1 else outs

    return of_module, _positions(module, wrt)


def _module(made: ClosedJaxpr, name: str, constants: Sequence[Any] = ()) -> Module:
    """A module of a program, whose first inputs may be ``constants`` too."""
    jaxpr = ir.with_constants_as_inputs(made.jaxpr)
    return Module(jaxpr, [*made.consts, *constants], name=name)


class _Given:
    """A module to differentiate: its program tidied, and its active inputs."""

    def __init__(self, module: Module, wrt: Wrt, function: str | None) -> None:
        self.module = module if function is None else module.functions[function]
        self.constants = self.module.constants
        self.wrt = _positions(self.module, wrt)
        n = len(self.constants)
        chosen_inputs = {n + i for i in self.wrt}
        self.active = tuple(
            i in chosen_inputs for i in range(len(self.module.jaxpr.invars))
        )
        with wide(self.module):
            self.jaxpr = prepared(self.module.jaxpr)
        check_bits(self.jaxpr, self.active)
        check_draws(self.jaxpr, self.active)

    def derived(self, name: str, make: Callable[[Jaxpr], ClosedJaxpr]) -> Module:
        """The module of a derivative program."""
        with wide(self.module):
            made = make(self.jaxpr)
            jaxpr = simplify(dce(made.jaxpr))
        return self._module(ir.closed_jaxpr(jaxpr, made.consts), name)

    def _module(self, made: ClosedJaxpr, name: str) -> Module:
        return _module(made, f"{self.module.name}_{name}", self.constants)

    def within(
        self, limit: Size, make: Callable[[Jaxpr, Schedule], ClosedJaxpr]
    ) -> Callable[[Jaxpr], ClosedJaxpr]:
        """A derivative program by the fastest schedule within a memory limit."""
        # What JAX's own functions choose by, their rules know: a module has none.
        memory = memory_options(limit, nan_safe=True)

        def by_limit(jaxpr: Jaxpr) -> ClosedJaxpr:
            def by(schedule: Schedule) -> Derivative[ClosedJaxpr]:
                made = make(jaxpr, schedule)
                return Derivative(made, [made])

            return chosen(jaxpr, by, memory, f"module {self.module.name}")

        return by_limit

    def linearized(self) -> tuple[Module, Module]:
        """The forward and the linear module."""
        wanted = derivatives.wanted_outputs(self.jaxpr, len(self.jaxpr.outvars))
        split = accumulate.ENGINE.linearize(self.jaxpr, self.active, wanted)
        forward, linear = split.forward.jaxpr, split.linear.jaxpr
        n, m = len(self.constants), len(self.jaxpr.outvars)
        held = [source is not None and source < n for source in split.sources]
        residuals = split.residuals(forward.invars, forward.outvars[m:])
        passed = [v for v, h in zip(residuals, held, strict=True) if not h]
        forward = forward.replace(outvars=[*forward.outvars[:m], *passed])
        known = [self.constants[s] for s in split.sources if s is not None and s < n]
        return (
            self._module(ir.closed_jaxpr(forward, split.forward.consts), "forward"),
            self._linear_module(split, linear, held, known),
        )

    def _linear_module(
        self, split: SplitProgram, linear: Jaxpr, held: list[bool], known: list[Any]
    ) -> Module:
        count = len(held)
        of_linear = [v for v, h in zip(linear.invars[:count], held, strict=True) if h]
        rest = [v for v, h in zip(linear.invars[:count], held, strict=True) if not h]
        inputs = [*of_linear, *rest, *linear.invars[count:]]
        made = derivatives.pushforward(split, self.jaxpr, inputs)
        return _module(made, f"{self.module.name}_linear", known)

    def check_scalar(self) -> None:
        """TypeError unless the first output is a real scalar."""
        outs = self.module.outputs
        first = outs[0] if outs else None
        is_real = first is not None and jax.numpy.issubdtype(
            first.dtype, jax.numpy.floating
        )
        if first is None or first.shape or not is_real:
            raise TypeError(
                "gradients are of modules whose first output is a real scalar; that of "
                f"{self.module!r} is not. Use vjp or jacobian."
            )


def prepared(jaxpr: Jaxpr) -> Jaxpr:
    """A raised program as it is differentiated: calls inlined, what was meant read."""
    jaxpr = fold(inline(jaxpr))
    held = _primitives_in(jaxpr)
    if lax.population_count_p in held:
        jaxpr = as_waits(jaxpr)
    jaxpr = cse(as_scans(jaxpr))
    if lax.linalg.lu_p in held:
        jaxpr = as_diagonals(as_solves(jaxpr))
    if lax.linalg.eigh_p in held:
        jaxpr = with_phases(jaxpr)
    return dce(narrow(with_shifts_stopped(jaxpr)))


def _primitives_in(jaxpr: Jaxpr) -> set[Any]:
    """The primitives of a program and of its bodies."""
    found: set[Any] = {eqn.primitive for eqn in jaxpr.eqns}
    if not found.isdisjoint(BODY_PARAMS):
        bodies = (body for eqn in jaxpr.eqns for body in bodies_of(eqn))
        found.update(*map(_primitives_in, bodies))
    return found


def _gradient(given: _Given, jaxpr: Jaxpr, schedule: Schedule) -> ClosedJaxpr:
    return derivatives.gradient(
        jaxpr, 0, with_value=True, schedule=schedule, active=given.active
    )


def _keeping(made: ClosedJaxpr, which: slice) -> ClosedJaxpr:
    jaxpr = made.jaxpr
    return ir.closed_jaxpr(jaxpr.replace(outvars=jaxpr.outvars[which]), made.consts)


def _positions(module: Module, wrt: Wrt) -> tuple[int, ...]:
    """The inputs that are meant, checked."""
    inputs = module.inputs
    if wrt is None:
        return tuple(i for i, x in enumerate(inputs) if is_differentiable(x))
    found = (wrt,) if isinstance(wrt, int) else tuple(wrt)
    for i in found:
        if not -len(inputs) <= i < len(inputs):
            raise ArgumentCountError(
                f"wrt={wrt}: {module!r} has {len(inputs)} inputs, and no input {i}"
            )
        if not is_differentiable(inputs[i]):
            raise TypeError(
                f"wrt={wrt}: input {i} of {module!r} is {inputs[i].dtype.name}, which "
                "has no derivative"
            )
    return tuple(sorted({i % len(inputs) for i in found}))
