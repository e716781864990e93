"""JAX's IR: the names irad builds with.

Many are public in ``jax.extend.core``, whose package brings pallas along and takes
17 ms to import: they come from where they are defined.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax
from jax._src import ad_util, api_util, config, dispatch, dtypes, hijax
from jax._src import core as _core
from jax._src import source_info_util as _source
from jax._src.ad_checkpoint import remat_p
from jax._src.core import (
    ClosedJaxpr,
    DropVar,
    Jaxpr,
    JaxprEqn,
    Literal,
    Primitive,
    Var,
    closed_call_p,
    jaxpr_as_fun,
    primal_dtype_to_tangent_dtype,
)
from jax._src.core import call_p as core_call_p
from jax._src.custom_derivatives import custom_jvp_call_p, custom_vjp_call_p
from jax._src.lax import lax as lax_internal
from jax._src.pjit import jit_p
from jax.lax import cond_p, convert_element_type_p, linear_solve_p, scan_p, while_p

__all__ = [
    "AbstractValue",
    "Atom",
    "ClosedJaxpr",
    "DropVar",
    "Jaxpr",
    "JaxprEqn",
    "Literal",
    "Primitive",
    "ShapedArray",
    "Var",
    "add_any_p",
    "closed_call_p",
    "closed_jaxpr",
    "cond_p",
    "convert_element_type_p",
    "core_call_p",
    "cotangent_aval",
    "current_equation_context",
    "custom_jvp_call_p",
    "custom_vjp_call_p",
    "function_name",
    "is_inexact",
    "is_tracer",
    "jaxpr_as_fun",
    "jit_p",
    "linear_solve_p",
    "make_jaxpr_object",
    "no_effects",
    "no_source",
    "primal_dtype_to_tangent_dtype",
    "remat_p",
    "scan_p",
    "source_line",
    "tangent_aval",
    "trace_context",
    "type_compatible",
    "typeof",
    "while_p",
]

AbstractValue = _core.AbstractValue
ShapedArray = _core.ShapedArray
Atom = Var | Literal
add_any_p: Primitive = ad_util.add_jaxvals_p
no_effects = _core.no_effects
typeof = _core.typeof
current_equation_context = _core.current_jaxpr_eqn_context
trace_context = config.trace_context
type_compatible = _core.typecompat
no_source = _source.new_source_info


@functools.cache
def is_inexact(dtype: Any) -> bool:
    """Whether a dtype is floating-point or complex (float0 and keys are not)."""
    return bool(dtypes.issubdtype(dtype, np.inexact))


def is_narrow_float(aval: Any) -> bool:
    """Whether a type is a floating-point one of 16 bits or less."""
    return bool(dtypes.issubdtype(aval.dtype, np.floating)) and aval.dtype.itemsize <= 2


def precision_of(aval: Any) -> dict[str, int]:
    """The params of a rounding to a floating-point type."""
    info = dtypes.finfo(aval.dtype)
    return {"exponent_bits": info.nexp, "mantissa_bits": info.nmant}


def is_tracer(x: Any) -> bool:
    """Whether a value is being traced by some JAX transformation."""
    return isinstance(x, _core.Tracer)


@functools.lru_cache(4096)
def tangent_aval(aval: Any) -> Any:
    """The type of a tangent of a value of type ``aval``."""
    return aval.to_tangent_aval()


@functools.lru_cache(4096)
def cotangent_aval(aval: Any) -> Any:
    """The type of a cotangent of a value of type ``aval``."""
    return aval.to_ct_aval()


def debug_info(name: str, source: str = "irad") -> Any:
    """Names for a jaxpr that irad made: what it was made for, and of what."""
    return _core.DebugInfo(name, source, None, None)


def make_jaxpr_object(
    invars: Sequence[Var],
    outvars: Sequence[Atom],
    eqns: Sequence[JaxprEqn],
    name: str,
    constvars: Sequence[Var] = (),
) -> Jaxpr:
    """A jaxpr of given equations, with the union of their effects."""
    effects: set[Any] = set()
    is_high = False
    for eqn in eqns:
        if eqn.effects:
            effects.update(eqn.effects)
        if eqn.primitive.multiple_results and not is_high:
            is_high = _is_high(eqn)
    return Jaxpr(
        constvars,
        invars,
        outvars,
        eqns,
        effects or no_effects,
        debug_info(name),
        is_high,
    )


def _is_high(eqn: JaxprEqn) -> bool:
    """Whether an equation has a form that JAX expands before XLA sees it."""
    if eqn.primitive is hijax.call_hi_primitive_p:
        return True
    for value in eqn.params.values():
        for body in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(body, Jaxpr | ClosedJaxpr):
                jaxpr: Any = body.jaxpr if isinstance(body, ClosedJaxpr) else body
                if jaxpr.is_high:
                    return True
    return False


def closed_jaxpr(jaxpr: Jaxpr, consts: Sequence[Any] = ()) -> ClosedJaxpr:
    """A jaxpr with values for its constvars."""
    return ClosedJaxpr(jaxpr, consts)


def source_line(eqn: JaxprEqn) -> str:
    """The user's line that made an equation: ``file:line (function)``.

    An equation of a module was made by no Python: its name has the place.
    """
    source = eqn.source_info
    if source.traceback is None and source.name_stack.stack:
        return str(source.name_stack)
    return _source.summarize(source)


def place(eqn: JaxprEqn) -> Any:
    """Where the user's program made an equation, as a value that can be compared."""
    source = eqn.source_info
    return (_line_of(source.traceback), source.name_stack)


@functools.lru_cache(1 << 14)
def _line_of(traceback: Any) -> Any:
    return next(_source.user_frames(traceback), None)


def function_name(fun: Any) -> str:
    """A function's name and place: ``loss at model.py:12``."""
    return api_util.fun_sourceinfo(fun)


def inner_jaxprs(eqn: JaxprEqn) -> list[Jaxpr]:
    """The jaxprs among an equation's params."""
    return list(_core.jaxprs_in_params(eqn.params))


def equation_function(
    eqn: JaxprEqn, x: Sequence[Any], active: Sequence[int]
) -> Callable[..., list[Any]]:
    """An equation as a function of its active operands, the others being ``x``."""

    def apply(*live: Any) -> list[Any]:
        operands = list(x)
        for i, x_i in zip(active, live, strict=True):
            operands[i] = x_i
        params = eqn.primitive.get_bind_params(eqn.params)
        with eqn.ctx.manager:
            y = eqn.primitive.bind(*operands, **params)
        return list(y) if eqn.primitive.multiple_results else [y]

    return apply


def jvp_of_equation(
    eqn: JaxprEqn, x: Sequence[Any], active: Sequence[int], t: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """Results and tangents of an equation by JAX's own rule; None is a zero."""
    apply = equation_function(eqn, x, active)
    y, pushed = jax.jvp(apply, [x[i] for i in active], list(t))
    return y, [None if is_float0(p) else p for p in pushed]


def is_float0(x: Any) -> bool:
    """Whether a value is the trivial tangent of an integer."""
    return dtypes.dtype(x) == dtypes.float0


def zero_cotangent(aval: Any) -> Any:
    """Zeros of a value's cotangent type: float0 zeros for an integer."""
    expected = cotangent_aval(aval)
    if expected.dtype == dtypes.float0:
        return zero_of_integer(aval)
    return lax.full(expected.shape, 0, expected.dtype)


def with_constants_as_inputs(jaxpr: Jaxpr) -> Jaxpr:
    """A jaxpr whose constants are leading inputs."""
    if not jaxpr.constvars:
        return jaxpr
    invars = [*jaxpr.constvars, *jaxpr.invars]
    return Jaxpr(
        [],
        invars,
        jaxpr.outvars,
        jaxpr.eqns,
        jaxpr.effects,
        debug_info("irad"),
        jaxpr.is_high,
    )


def with_leading_constants(jaxpr: Jaxpr, consts: Sequence[Any]) -> Jaxpr:
    """A jaxpr whose first inputs stand for constants, as its constvars."""
    if hasattr(jaxpr, "with_consts"):  # JAX 0.11: constvars come with their values
        return jaxpr.with_consts(consts)
    inputs = [*jaxpr.constvars, *jaxpr.invars]
    k = len(consts)
    return jaxpr.replace(constvars=inputs[:k], invars=inputs[k:])


def is_generator_function(fun: Any) -> bool:
    """Whether calling a function gives a generator."""
    return inspect.isgeneratorfunction(fun)


@functools.cache
def is_extended(dtype: Any) -> bool:
    """Whether a dtype is one of JAX's extended dtypes, such as typed random keys."""
    return bool(dtypes.issubdtype(dtype, dtypes.extended))


def as_jax_value(x: Any) -> Any:
    """A scalar or NumPy array as the value JAX makes of it, weak types kept."""
    return dtypes.canonicalize_value(x)


def check_is_jax_type(x: Any) -> None:
    """Raises TypeError for a value that is no array, with JAX's message."""
    dispatch.check_arg(x)


float0 = dtypes.float0


def zero_of_integer(aval: Any) -> Any:
    """The tangent of an integer value: zeros of dtype float0, as JAX has them."""
    return ad_util.zeros_like_aval(tangent_aval(aval))


def as_dtype(x: Any, aval: Any) -> Any:
    """A value in the dtype of ``aval``."""
    return x if dtype_of(x) == aval.dtype else lax.convert_element_type(x, aval.dtype)


def scalar(value: Any, dtype: Any) -> Any:
    """A NumPy scalar of a dtype, as literals hold it."""
    return np.asarray(value, dtype)[()]


def weakened(aval: Any) -> Any:
    """The type of a literal in a place of type ``aval``."""
    return aval


def dtype_of(x: Any) -> Any:
    """The dtype JAX gives a value."""
    return dtypes.dtype(x)


def closed(body: Any) -> ClosedJaxpr:
    """A body as a jaxpr with its constants, whether it was open or closed."""
    return body if is_closed(body) else closed_jaxpr(body)


def literal_value(x: Literal) -> Any:
    """A literal's value as an input of its type, its weak type kept."""
    aval: Any = x.aval
    value = np.asarray(x.val, aval.dtype)
    if not aval.weak_type:
        return value
    number = value.item()
    if dtypes.dtype(number) == aval.dtype:
        return number  # Python's own types are the weak ones
    return lax_internal._convert_element_type(value, weak_type=True)


def default_device() -> Any:
    """The device that arrays are made on here, if one was named."""
    return config.default_device.value


def runs_eagerly() -> bool:
    """Whether equations are to run one by one: to be seen, or checked for NaN."""
    return bool(
        config.disable_jit.value or config.debug_nans.value or config.debug_infs.value
    )


def evaluate(closed: ClosedJaxpr, inputs: Sequence[Any]) -> list[Any]:
    """Runs a jaxpr equation by equation; FloatingPointError where NaNs are checked."""
    try:
        return _core.eval_jaxpr(closed.jaxpr, closed.consts, *inputs)
    except api_util.InternalFloatingPointError as error:
        raise FloatingPointError(
            f"invalid value ({error.ty}) encountered in {error.name}"
        ) from None


def is_closed(jaxpr: Any) -> bool:
    """Whether a jaxpr comes with its constants."""
    return hasattr(jaxpr, "consts")


def abstract_value(x: Any) -> Any:
    """The type of an array, or of an object with ``shape`` and ``dtype``."""
    return _core.shaped_abstractify(x)


def with_weak_type(x: Any, weak_type: bool) -> Any:
    """An array, weakly typed or not; of float0 nothing is changed."""
    if is_float0(x) or typeof(x).weak_type == weak_type:
        return x
    return lax_internal._convert_element_type(x, typeof(x).dtype, weak_type)
