"""Cases of transformations of transformations: irad inside JAX, JAX inside irad.

Wherever one of JAX's derivative functions may stand, irad's may: under ``jit`` and
``vmap`` and each other, in loops and branches and custom rules, in both orders.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tests.parity.outcomes import Cases

CASES = Cases()
ORDERS = ("grad", "jacfwd", "jacrev", "jacobian", "hessian")


def vector() -> jax.Array:
    return jnp.array([0.5, -1.5, 2.0])


def wave(x: Any) -> Any:
    return jnp.sin(x) * x * x


def energy(x: Any) -> Any:
    return jnp.sum(wave(x)) * jnp.tanh(x[0])


def with_loop(x: Any) -> Any:
    return jnp.sum(lax.scan(lambda c, a: (jnp.sin(c) * a, c), x, vector())[1])


def with_branch(x: Any) -> Any:
    return lax.cond(x[0] > 0, jnp.sum, lambda v: jnp.prod(v) * v[0], x)


@jax.custom_jvp
def ruled(x: Any) -> Any:
    return jnp.sum(x * x)


@ruled.defjvp
def ruled_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    return ruled(x), 3.0 * jnp.sum(x * t)


@jax.custom_vjp
def pulled(x: Any) -> Any:
    return jnp.sum(x * x)


pulled.defvjp(lambda x: (pulled(x), x), lambda x, c: (5.0 * c * jnp.sin(x),))

FUNCTIONS: dict[str, Any] = {
    "energy": energy,
    "loop": with_loop,
    "branch": with_branch,
    "custom_jvp": ruled,
    "jitted": jax.jit(energy),
    "checkpointed": jax.checkpoint(energy),
    "vmapped": lambda x: jnp.sum(jax.vmap(wave)(x)),
}


# Derivatives of derivatives, with one of JAX's on either side or on neither.


PAIRS = [(o, i) for o in ("grad", "jacfwd", "jacrev") for i in ("grad", "jacfwd")]


@CASES.each([(o, i, f) for o, i in PAIRS for f in ("energy", "custom_jvp")])
def of_a_derivative(ad: Any, which: tuple[str, str, str]) -> Any:
    outer, inner, name = which
    f, x = FUNCTIONS[name], vector()

    def inside(library: Any) -> Any:
        derivative = getattr(library, inner)(f)
        if outer == "grad":
            return lambda x: jnp.sum(jnp.sin(derivative(x)))
        return derivative

    return [
        getattr(ad, outer)(inside(ad))(x),
        getattr(jax, outer)(inside(ad))(x),
        getattr(ad, outer)(inside(jax))(x),
    ]


@CASES.add
def third_order(ad: Any) -> Any:
    x = 0.7
    return [
        a(b(c(wave)))(x)
        for a in (ad.grad, jax.grad)
        for b in (ad.grad, ad.jacfwd)
        for c in (ad.grad, jax.jacfwd)
    ]


@CASES.add
def perturbations_are_not_confused(ad: Any) -> Any:
    def nested(outer: Any, inner: Any) -> Any:
        return outer(lambda x: x * inner(lambda y: x + y)(1.0))(2.0)

    functions = (ad.grad, ad.jacfwd, jax.grad, jax.jacfwd)
    return [nested(outer, inner) for outer in functions for inner in functions]


@CASES.each(("custom_vjp", "custom_vjp jitted"))
def reverse_over_a_custom_rule(ad: Any, which: str) -> Any:
    f = jax.jit(pulled) if "jitted" in which else pulled
    x = vector()
    return ad.grad(f)(x), ad.grad(lambda x: jnp.sum(ad.grad(f)(x)))(x)


@CASES.each(("energy", "loop", "branch", "custom_jvp"))
def hessian_vector_products(ad: Any, name: str) -> Any:
    f, x, t = FUNCTIONS[name], vector(), jnp.array([1.0, 0.5, -2.0])
    forward_over_reverse = ad.jvp(ad.grad(f), (x,), (t,))[1]
    reverse_over_forward = ad.grad(lambda x: ad.jvp(f, (x,), (t,))[1])(x)
    reverse_over_reverse = ad.grad(lambda x: jnp.vdot(ad.grad(f)(x), t))(x)
    push = ad.linearize(ad.grad(f), x)[1]
    return forward_over_reverse, reverse_over_forward, reverse_over_reverse, push(t)


# Under JAX's transformations.


@CASES.each([("grad", f) for f in FUNCTIONS] + [(t, "energy") for t in ORDERS[1:]])
def under_jit(ad: Any, which: tuple[str, str]) -> Any:
    derivative = jax.jit(getattr(ad, which[0])(FUNCTIONS[which[1]]))
    return derivative(vector()), derivative(vector() + 1.0)


@CASES.each([("grad", f) for f in FUNCTIONS] + [("hessian", "energy")])
def under_vmap(ad: Any, which: tuple[str, str]) -> Any:
    batch = jnp.stack([vector(), -vector(), vector() * 0.5])
    return jax.vmap(getattr(ad, which[0])(FUNCTIONS[which[1]]))(batch)


@CASES.each(ORDERS)
def over_vmap(ad: Any, transform: str) -> Any:
    def f(x: Any) -> Any:
        return jnp.sum(jax.vmap(energy)(x[None] * jnp.ones((2, 1))))

    return getattr(ad, transform)(f)(vector())


@CASES.add
def vmap_with_axes(ad: Any) -> Any:
    def f(x: Any, y: Any) -> Any:
        return jnp.sum(jnp.sin(x) * y)

    slope = jax.vmap(ad.grad(f, (0, 1)), in_axes=(1, None), out_axes=(1, 0))
    return slope(jnp.ones((3, 2)), jnp.arange(3.0))


@CASES.add
def vmap_with_a_collective(ad: Any) -> Any:
    def f(x: Any) -> Any:
        return jnp.sum(lax.psum(jnp.sin(x), "i") * x)

    inside = jax.vmap(ad.grad(f), axis_name="i")(vector())
    outside = ad.grad(lambda x: jnp.sum(jax.vmap(f, axis_name="i")(x)))(vector())
    return inside, outside


@CASES.add
def jit_with_static_and_donated_arguments(ad: Any) -> Any:
    @functools.partial(jax.jit, static_argnums=1, static_argnames="mode")
    def step(x: Any, n: int, mode: str = "a") -> Any:
        return x - 0.1 * ad.grad(lambda x: jnp.sum(x**n))(x) * len(mode)

    return step(vector(), 2), step(vector(), 3, mode="bcd")


@CASES.add
def inside_scan(ad: Any) -> Any:
    def step(x: Any, rate: Any) -> Any:
        y, slope = ad.value_and_grad(energy)(x)
        return x - rate * slope, y

    return lax.scan(step, vector(), jnp.array([0.1, 0.05, 0.01]))


@CASES.add
def derivative_of_a_descent(ad: Any) -> Any:
    def descend(rate: Any) -> Any:
        def step(x: Any, _: Any) -> Any:
            return x - rate * ad.grad(energy)(x), None

        return energy(lax.scan(step, vector(), None, length=3)[0])

    return ad.grad(descend)(0.05), jax.grad(descend)(0.05), ad.jacfwd(descend)(0.05)


@CASES.add
def inside_while_and_fori(ad: Any) -> Any:
    def step(x: Any) -> Any:
        return x - 0.1 * ad.grad(lambda x: jnp.sum(x * x))(x)

    loop = lax.while_loop(lambda x: jnp.sum(x * x) > 1.0, step, vector())
    return loop, lax.fori_loop(0, 3, lambda i, x: step(x), vector())


@CASES.add
def inside_cond_and_switch(ad: Any) -> Any:
    x = vector()
    branch = lax.cond(x[0] > 0, ad.grad(energy), ad.grad(with_loop), x)
    branches = [ad.grad(f) for f in (energy, with_loop, with_branch)]
    return branch, [lax.switch(i, branches, x) for i in range(3)]


@CASES.add
def inside_map_and_associative_scan(ad: Any) -> Any:
    mapped = lax.map(ad.grad(energy), jnp.stack([vector(), -vector()]))
    scanned = ad.grad(lambda x: jnp.sum(lax.associative_scan(jnp.multiply, x) ** 2))
    return mapped, scanned(vector())


@CASES.add
def inside_checkpoint(ad: Any) -> Any:
    f = jax.checkpoint(lambda x: jnp.sum(ad.grad(energy)(x) * x))
    return f(vector()), ad.grad(f)(vector()), jax.grad(f)(vector())


@CASES.add
def inside_custom_rules(ad: Any) -> Any:
    @jax.custom_vjp
    def f(x: Any) -> Any:
        return energy(x)

    def bwd(x: Any, c: Any) -> Any:
        return (c * ad.grad(energy)(x) * 2.0,)

    f.defvjp(lambda x: (energy(x), x), bwd)

    @jax.custom_jvp
    def h(x: Any) -> Any:
        return energy(x)

    @h.defjvp
    def h_jvp(primals: Any, tangents: Any) -> Any:
        return ad.jvp(lambda x: 2.0 * energy(x), primals, tangents)

    x = vector()
    return ad.grad(f)(x), jax.grad(f)(x), ad.grad(h)(x), jax.jacfwd(h)(x)


@CASES.add
def closed_over_tracers_of_jax(ad: Any) -> Any:
    def outer(w: Any) -> Any:
        return jnp.sum(ad.grad(lambda x: jnp.sum(w * x * x))(vector()) * w)

    x = vector()
    return [
        transform(outer)(x)
        for transform in (jax.grad, jax.jit, jax.jacfwd, ad.grad, jax.hessian)
    ]


@CASES.add
def closed_over_batches(ad: Any) -> Any:
    def one(w: Any) -> Any:
        return ad.grad(lambda x: w * x * x)(2.0), ad.jvp(jnp.sin, (w,), (1.0,))

    return jax.vmap(one)(vector())


# What vjp and linearize return goes through JAX's transformations.


@CASES.add
def a_pullback_goes_through_jit(ad: Any) -> Any:
    y, pull = ad.vjp(wave, vector())
    across = jax.jit(lambda pull, c: pull(c))(pull, y)
    made_inside = jax.jit(lambda x: ad.vjp(wave, x)[1])(vector())
    return across, made_inside(y), jax.jit(pull)(y), jax.vmap(pull)(jnp.eye(3))


@CASES.add
def a_pushforward_goes_through_vmap(ad: Any) -> Any:
    y, push = ad.linearize(wave, vector())
    return y, jax.vmap(push)(jnp.eye(3)), jax.jit(push)(vector()), push(vector() * 0.0)


@CASES.add
def a_pullback_is_differentiated(ad: Any) -> Any:
    def f(x: Any, c: Any) -> Any:
        return jnp.sum(ad.vjp(wave, x)[1](c)[0] ** 2)

    x = vector()
    return ad.grad(f, (0, 1))(x, x), jax.grad(f, (0, 1))(x, x)


@CASES.add
def a_pullback_is_linear(ad: Any) -> Any:
    _, pull = ad.vjp(lambda x: (jnp.sin(x), x * 2.0), vector())
    transposed = jax.linear_transpose(pull, (vector(), vector()))
    return transposed((vector(),)), jax.jvp(
        pull, ((vector(),) * 2,), ((vector(),) * 2,)
    )


@CASES.add
def pullbacks_of_several_outputs(ad: Any) -> Any:
    y, pull = ad.vjp(
        lambda a, b: {"s": a * b, "t": (jnp.sin(a), b.sum())}, *[vector()] * 2
    )
    return y, pull(y), pull(jax.tree.map(jnp.zeros_like, y))


# Other ways in.


@CASES.add
def shapes_without_values(ad: Any) -> Any:
    shapes = jax.eval_shape(ad.grad(energy), jax.ShapeDtypeStruct((3,), float))
    return shapes.shape, str(shapes.dtype), shapes.weak_type


@CASES.each(ORDERS)
def compiled_ahead_of_time(ad: Any, transform: str) -> Any:
    lowered = jax.jit(getattr(ad, transform)(energy)).lower(vector())
    return lowered.compile()(vector())


@CASES.add
def with_jit_disabled(ad: Any) -> Any:
    with jax.disable_jit():
        return ad.grad(energy)(vector()), ad.grad(with_loop)(vector())


@CASES.add
def on_numpy_arrays(ad: Any) -> Any:
    x = np.array([0.5, -1.5, 2.0], np.float32)
    return ad.grad(energy)(x), ad.jvp(wave, (x,), (x,)), ad.hessian(energy)(x)


@CASES.add
def on_a_device(ad: Any) -> Any:
    x = jax.device_put(vector(), jax.devices()[-1])
    return ad.grad(energy)(x), ad.value_and_grad(energy)(x)


@CASES.add
def on_sharded_arrays(ad: Any) -> Any:
    axis = (jax.sharding.AxisType.Auto,)
    mesh = jax.make_mesh((len(jax.devices()),), ("d",), axis_types=axis)
    spec = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("d"))
    x = jax.device_put(jnp.linspace(0.0, 1.0, 2 * len(jax.devices())), spec)
    return ad.grad(lambda x: jnp.sum(wave(x)))(x), ad.jvp(wave, (x,), (x,))


@CASES.add
def with_a_pure_callback(ad: Any) -> Any:
    def f(x: Any) -> Any:
        shape = jax.ShapeDtypeStruct((3,), vector().dtype)
        constant = jax.pure_callback(lambda: np.arange(3).astype(shape.dtype), shape)
        return jnp.sum(x * x * constant)

    return ad.grad(f)(vector())
