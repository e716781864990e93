"""Cases about the function itself: what may be called, and what it looks like after."""

import functools
import inspect
import operator
import threading
from typing import Any

import jax
import jax.numpy as jnp

from tests.parity.outcomes import Cases

CASES = Cases()
TRANSFORMS = ("grad", "value_and_grad", "jacfwd", "jacrev", "jacobian", "hessian")


def vector() -> jax.Array:
    return jnp.array([0.5, -1.5, 2.0, -0.25])


class Unhashable:
    """A callable that compares by value, and so has no hash."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, w: float) -> None:
        self.w = w

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unhashable) and other.w == self.w

    def __call__(self, x: Any) -> Any:
        return self.w * x * x


class Methods:
    """The kinds of method that a class has."""

    def method(self, x: Any) -> Any:
        return x * x * 3.0

    @classmethod
    def of_class(cls, x: Any) -> Any:
        return x * len(cls.__name__)

    @staticmethod
    def static(x: Any) -> Any:
        return x * x

    def __call__(self, x: Any) -> Any:
        return jnp.sin(x)


def scaled(factor: Any, x: Any, *, shift: float = 0.0) -> Any:
    return factor * x * x + shift


@jax.custom_jvp
def custom_forward(x: Any) -> Any:
    return jnp.sin(x)


@custom_forward.defjvp
def custom_forward_jvp(primals: Any, tangents: Any) -> Any:
    return jnp.sin(primals[0]), 3.0 * tangents[0]


@jax.custom_vjp
def custom_reverse(x: Any) -> Any:
    return jnp.sin(x)


def custom_reverse_fwd(x: Any) -> Any:
    return jnp.sin(x), x


def custom_reverse_bwd(x: Any, c: Any) -> Any:
    return (c * x * 5.0,)


custom_reverse.defvjp(custom_reverse_fwd, custom_reverse_bwd)

CALLABLES: dict[str, Any] = {
    "lambda": lambda x: x * x,
    "partial": functools.partial(scaled, 3.0, shift=1.0),
    "partial of partial": functools.partial(functools.partial(scaled, 3.0), shift=2.0),
    "jax Partial": jax.tree_util.Partial(scaled, 3.0),
    "bound method": Methods().method,
    "class method": Methods.of_class,
    "static method": Methods.static,
    "callable object": Methods(),
    "unhashable": Unhashable(2.5),
    "jax.numpy": jnp.tanh,
    "ufunc": functools.partial(jnp.add, 1.0),
    "operator": functools.partial(operator.mul, 2.0),
    "jitted": jax.jit(jnp.sin),
    "jitted method": jax.jit(Methods().method),
    "custom_jvp": custom_forward,
    "checkpointed": jax.checkpoint(lambda x: jnp.sin(jnp.sin(x))),
    "lax": jax.lax.sin,
    "method caller": operator.methodcaller("__mul__", 3.0),
    "builtin": operator.neg,
}


@CASES.each([(t, name) for t in TRANSFORMS for name in CALLABLES])
def callables(ad: Any, which: tuple[str, str]) -> Any:
    derivative = getattr(ad, which[0])(CALLABLES[which[1]])
    return derivative(0.75), derivative(-1.5)


@CASES.each([("jvp", name) for name in CALLABLES] + [("vjp", n) for n in CALLABLES])
def callables_in_jvp_and_vjp(ad: Any, which: tuple[str, str]) -> Any:
    transform, name = which
    if transform == "jvp":
        return ad.jvp(CALLABLES[name], (0.75,), (2.0,))
    y, pull = ad.vjp(CALLABLES[name], 0.75)
    return y, pull(2.0), ad.linearize(CALLABLES[name], 0.75)[1](2.0)


@CASES.each(("grad", "value_and_grad", "jacrev"))
def custom_vjp_in_reverse(ad: Any, transform: str) -> Any:
    return getattr(ad, transform)(custom_reverse)(0.75)


@CASES.each(TRANSFORMS)
def the_derivative_is_named_after_the_function(ad: Any, transform: str) -> Any:
    def loss(x: Any, *, scale: float = 1.0) -> Any:
        """What is to become small."""
        return x * scale

    derivative = getattr(ad, transform)(loss)
    names = (derivative.__name__, derivative.__qualname__, derivative.__module__)
    return names, derivative.__wrapped__ is loss, str(inspect.signature(derivative))


@CASES.each(TRANSFORMS)
def the_derivative_is_documented(ad: Any, transform: str) -> Any:
    def loss(x: Any) -> Any:
        """What is to become small."""
        return x

    return "loss" in (getattr(ad, transform)(loss, argnums=0).__doc__ or "")


@CASES.each([(t, n) for t in TRANSFORMS for n in ("partial", "callable object")])
def a_function_without_a_name(ad: Any, which: tuple[str, str]) -> Any:
    derivative = getattr(ad, which[0])(CALLABLES[which[1]])
    return callable(derivative), derivative(1.0)


@CASES.each(TRANSFORMS)
def used_as_a_decorator(ad: Any, transform: str) -> Any:
    @getattr(ad, transform)
    def slope(x: Any) -> Any:
        return x * x

    @functools.partial(getattr(ad, transform), argnums=1)
    def second(x: Any, y: Any) -> Any:
        return x * y * y

    return slope(3.0), second(2.0, 3.0)


@CASES.each(TRANSFORMS)
def used_as_a_method(ad: Any, transform: str) -> Any:
    class Curve:
        power = 3

        def value(self, x: Any) -> Any:
            return x**self.power

        slope = getattr(ad, transform)(value, argnums=1)

    return Curve().slope(2.0)


@CASES.each(TRANSFORMS)
def an_error_leaves_nothing_behind(ad: Any, transform: str) -> Any:
    fail = True

    def f(x: Any) -> Any:
        y = jnp.sin(x)
        if fail:
            raise ValueError("not now")
        return y * x

    derivative = getattr(ad, transform)(f)
    message = ""
    try:
        derivative(1.0)
    except ValueError as error:
        message = str(error)
    fail = False
    return message, derivative(1.0), jnp.sin(1.0)


@CASES.add
def own_errors_arrive_unchanged(ad: Any) -> Any:
    class OwnError(KeyError):
        pass

    error = OwnError("key", 3)

    def f(x: Any) -> Any:
        raise error

    try:
        ad.grad(f)(1.0)
    except OwnError as caught:
        return caught is error
    return None


@CASES.add
def an_error_caught_inside_is_the_functions_own_matter(ad: Any) -> Any:
    def f(x: Any) -> Any:
        try:
            return x * {}["missing"]
        except KeyError:
            return x * x

    return ad.grad(f)(3.0)


@CASES.add
def recursion(ad: Any) -> Any:
    def power(x: Any, n: int) -> Any:
        return x * power(x, n - 1) if n else 1.0

    return ad.grad(power)(1.5, 5)


@CASES.add
def threads(ad: Any) -> Any:
    results: dict[int, Any] = {}

    def work(n: int) -> None:
        results[n] = ad.value_and_grad(lambda x: jnp.sum(x**n))(vector())

    # Both precisions are set for one thread alone, so each takes its own.
    x64 = jax.config.read("jax_enable_x64")

    def in_thread(n: int) -> None:
        with jax.enable_x64(x64), jax.numpy_dtype_promotion("standard"):
            work(n)

    workers = [threading.Thread(target=in_thread, args=(n,)) for n in range(1, 5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [results[n] for n in range(1, 5)]


@CASES.add
def many_fresh_lambdas(ad: Any) -> Any:
    return [ad.grad(lambda x, n=n: x * x * n)(2.0) for n in (0.0, -0.0, 1.0, 2.0)]


@CASES.add
def a_derivative_of_a_derivative_as_a_value(ad: Any) -> Any:
    def f(x: Any, order: int) -> Any:
        return jnp.sin(x) if order == 0 else ad.grad(f)(x, order - 1)

    return [f(0.5, order) for order in range(4)]
