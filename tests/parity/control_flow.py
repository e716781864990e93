"""Cases of Python control flow on values that are differentiated.

JAX differentiates eagerly where it has values, so that ``if``, ``while``, ``int`` and
boolean masks see numbers. The path that the values take is what is differentiated.
"""

from typing import Any

import jax
import jax.numpy as jnp

from tests.parity.outcomes import Cases

CASES = Cases()
TRANSFORMS = ("grad", "value_and_grad", "jacfwd", "jacrev", "jacobian", "hessian")


def vector() -> jax.Array:
    return jnp.array([0.5, -1.5, 2.0, -0.25])


def absolute(x: Any) -> Any:
    return x if x > 0 else -x


def newton(x: Any) -> Any:
    y = x
    while y * y - x > 1e-3:
        y = (y + x / y) / 2.0
    return y


def counted(x: Any) -> Any:
    total = 0.0
    for _ in range(int(jnp.sum(x > 0))):
        total = total + jnp.sum(x * x)
    return total


def masked(x: Any) -> Any:
    return jnp.sum(x[x > 0] ** 2)


def sorted_by_python(x: Any) -> Any:
    return sum(i * v for i, v in enumerate(sorted(x, key=lambda v: v.item())))


def unique(x: Any) -> Any:
    return jnp.sum(jnp.unique(x) * jnp.arange(1.0, 5.0, dtype=x.dtype))


def nonzero(x: Any) -> Any:
    (where,) = jnp.nonzero(x > 0)
    return jnp.prod(x[where])


def builtin_maximum(x: Any) -> Any:
    return max(x[0], x[1], x[2]) * min(x[2], x[3])


def asserted(x: Any) -> Any:
    assert jnp.all(x < 10.0), f"too large: {x}"
    return jnp.sum(x**3)


def unpacked(x: Any) -> Any:
    a, b, *rest = x
    return a * b + sum(rest)


def indexed_by_item(x: Any) -> Any:
    return x[int(jnp.argmax(x))] * x[0].item()


def on_stopped(x: Any) -> Any:
    scale = float(jax.lax.stop_gradient(2.0))
    return jnp.sum(x) * scale if bool((x > 0).any()) else 0.0


def printed(x: Any) -> Any:
    assert repr(x)
    assert f"{x} {x.shape}"
    return jnp.sum(jnp.sin(x))


def truth(x: Any) -> Any:
    first = x[0]
    return first * 2.0 if first else first + 1.0


def membership(x: Any) -> Any:
    return x[0] * 2.0 if 0.5 in x else x[1]


ON_SCALARS = (absolute, newton)
ON_VECTORS = (
    counted,
    masked,
    sorted_by_python,
    unique,
    nonzero,
    builtin_maximum,
    asserted,
    unpacked,
    indexed_by_item,
    on_stopped,
    printed,
    truth,
    membership,
)


@CASES.each([(t, f.__name__, f) for t in TRANSFORMS for f in ON_SCALARS])
def control_flow_on_a_scalar(ad: Any, which: tuple[str, str, Any]) -> Any:
    derivative = getattr(ad, which[0])(which[2])
    return derivative(2.5), derivative(0.5)


# jacfwd and hessian map over directions, where JAX itself has no values for some.
WITH_VALUES = ("grad", "value_and_grad", "jacrev")


@CASES.each([(t, f.__name__, f) for t in WITH_VALUES for f in ON_VECTORS])
def control_flow_on_a_vector(ad: Any, which: tuple[str, str, Any]) -> Any:
    return getattr(ad, which[0])(which[2])(vector())


@CASES.each([(t, f.__name__, f) for t in ("jvp", "vjp") for f in ON_VECTORS])
def control_flow_in_jvp_and_vjp(ad: Any, which: tuple[str, str, Any]) -> Any:
    transform, _, f = which
    x = vector()
    if transform == "jvp":
        return ad.jvp(f, (x,), (jnp.ones(4),))
    y, pull = ad.vjp(f, x)
    return y, pull(jnp.ones_like(y))


@CASES.add
def control_flow_nested(ad: Any) -> Any:
    def f(x: Any) -> Any:
        return x**3 if x > 0 else x**2

    return [
        outer(inner(f))(value)
        for outer in (ad.grad, jax.grad)
        for inner in (ad.grad, jax.grad)
        for value in (1.5, -1.5)
    ]


@CASES.add
def control_flow_to_third_order(ad: Any) -> Any:
    return ad.grad(ad.grad(ad.grad(lambda x: x**4 if x > 0 else x)))(1.5)


@CASES.add
def control_flow_in_a_loss_of_two(ad: Any) -> Any:
    def f(x: Any, n: Any) -> Any:
        for _ in range(n):
            x = jnp.sin(x) if x > 0.5 else jnp.cos(x)
        return x

    return [ad.grad(f)(0.7, n) for n in range(4)]


@CASES.each((*TRANSFORMS, "jvp", "vjp", "linearize"))
def the_function_runs_once_where_it_branches(ad: Any, transform: str) -> Any:
    calls: list[str] = []

    def f(x: Any) -> Any:
        calls.append("in")
        y = jnp.sin(x)
        calls.append("positive" if y > 0 else "negative")
        return y * x

    for value in (1.0, -1.0):
        if transform == "jvp":
            ad.jvp(f, (value,), (1.0,))
        elif transform in ("vjp", "linearize"):
            getattr(ad, transform)(f, value)
        else:
            getattr(ad, transform)(f)(value)
    return calls


@CASES.add
def a_generator_read_once_where_it_branches(ad: Any) -> Any:
    steps = iter([1.0, 2.0, 3.0])

    def f(x: Any) -> Any:
        y = x * next(steps)
        return y * y if y > 0 else y

    return ad.grad(f)(1.0), next(steps)


@CASES.each(("grad", "value_and_grad", "jacrev"))
def a_search_that_stops_by_value(ad: Any, transform: str) -> Any:
    def f(x: Any) -> Any:
        low, high = 0.0, 2.0
        for _ in range(20):
            middle = (low + high) / 2.0
            if middle * middle > x:
                high = middle
            else:
                low = middle
        return (x / low + low) / 2.0

    return getattr(ad, transform)(f)(2.0)


@CASES.add
def control_flow_around_jax_control_flow(ad: Any) -> Any:
    def f(x: Any) -> Any:
        y, _ = jax.lax.scan(lambda c, a: (jnp.sin(c) + a, c), x, jnp.arange(3.0))
        if y > 1.0:
            y = jax.lax.cond(y > 2.0, jnp.cos, jnp.exp, y)
        return jax.jit(lambda v: v * x)(y)

    return ad.grad(f)(0.5), ad.grad(f)(-3.0), ad.grad(ad.grad(f))(0.5)
