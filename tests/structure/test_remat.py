"""``jax.checkpoint``: what is saved, what is computed again, and the laws."""

from __future__ import annotations

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.ad_checkpoint import checkpoint_name

import irad
from irad._compat import ir
from tests.kinds import of_kinds, together
from tests.laws import Case, check_laws

POLICIES = {
    "none": None,
    "everything": jax.checkpoint_policies.everything_saveable,
    "nothing": jax.checkpoint_policies.nothing_saveable,
    "dots": jax.checkpoint_policies.dots_saveable,
    "dots without batch": jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
    "only names": jax.checkpoint_policies.save_only_these_names("hidden"),
    "except names": jax.checkpoint_policies.save_anything_except_these_names("hidden"),
    "names but": jax.checkpoint_policies.save_any_names_but_these("hidden"),
    "both": jax.checkpoint_policies.save_from_both_policies(
        jax.checkpoint_policies.dots_saveable,
        jax.checkpoint_policies.save_only_these_names("waves"),
    ),
}
W = jnp.array([[0.2, -0.4, 0.1], [0.5, 0.3, -0.2], [0.1, 0.6, 0.4]])
X = jnp.array([[0.3, -0.7, 0.5], [0.9, 0.2, -0.1]])


def _layer(w, x):
    hidden = checkpoint_name(jnp.tanh(x @ w), "hidden")
    waves = jnp.sin(jnp.einsum("bi,bij->bj", hidden, jnp.stack([w, 2 * w])))
    return jnp.tanh(checkpoint_name(waves, "waves") @ w)


def _loop(w, x):
    def step(x, _):
        return jnp.tanh(x @ w), jnp.sin(x)

    x, ys = lax.scan(step, x, length=3)
    return x + ys.sum(0)


def _branches(w, x):
    return lax.cond(
        x.sum() > 0, lambda x: jnp.sin(x @ w) @ w, lambda x: jnp.cos(x @ w), x
    )


def _calls(w, x):
    return jax.jit(lambda w, x: _layer(w, jnp.sin(jax.jit(_layer)(w, x))))(w, x)


def _layers_of_a_scan(w, x):
    layer = jax.checkpoint(lambda x, w: jnp.tanh(jnp.tanh(x @ w) @ w))
    return lax.scan(lambda x, w: (layer(x, w), None), x, jnp.stack([w, 2 * w]))[0]


def _nested(w, x):
    inner = jax.checkpoint(lambda x: jnp.tanh(jnp.sin(x @ w)))
    return inner(inner(x))


def _random(w, x):
    key, other = jax.random.split(jax.random.key(0))
    x = x @ w * jax.random.bernoulli(key, 0.5, x.shape).astype(x.dtype)
    return jnp.sin(x + jax.random.normal(other, x.shape))


BODIES = {
    "layer": _layer,
    "loop": _loop,
    "branches": _branches,
    "calls": _calls,
}
REST = {
    "layers of a scan": _layers_of_a_scan,
    "nested": jax.checkpoint(_nested),
    "random": jax.checkpoint(_random),
    "without barriers": jax.checkpoint(_layer, prevent_cse=False),
    "a barrier": jax.checkpoint(_layer, prevent_cse=(False, True)),
    "static argument": lambda w, x: jax.checkpoint(
        lambda n, w, x: n * _layer(w, x), static_argnums=(0,)
    )(2.0, w, x),
    "in a jit": jax.jit(jax.checkpoint(_layer)),
    "repeated": lambda w, x: jax.checkpoint(_nested)(w, jax.checkpoint(_nested)(w, x)),
    "closed over": lambda w, x: jax.checkpoint(lambda x: _layer(w, x))(x),
}


def _checkpointed(body, policy):
    return jax.checkpoint(BODIES[body], policy=POLICIES[policy])


# The laws -----------------------------------------------------------------------------

TWICE = ("nested", "layers of a scan")
CASES = [
    *(Case(name, fun, (W, X), second=name in TWICE) for name, fun in REST.items()),
    *(
        Case(
            f"{body} under a policy",
            _checkpointed(body, "dots"),
            (W, X),
            second=body == "layer",
        )
        for body in BODIES
    ),
    *of_kinds("nested", [Case("nested", REST["nested"], (W, X))]),
    together(
        "layer bfloat16",
        [Case("layer", _checkpointed("layer", "dots"), (W, X))],
        "bfloat16",
        rtol=5e-2,
        modes=("rev",),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case):
    check_laws(case)


# What is computed again ---------------------------------------------------------------


def _count(jaxpr):
    found = Counter()
    for eqn in jaxpr.eqns:
        found[eqn.primitive.name] += 1
        for inner in ir.inner_jaxprs(eqn):
            found += _count(inner)
    return found


def _counts(of, fun):
    def loss(w, x):
        return fun(w, x).sum()

    return _count(jax.make_jaxpr(of.value_and_grad(loss, (0, 1)))(W, X).jaxpr)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("body", BODIES)
def test_as_much_is_computed_again_as_in_jax(body, policy):
    fun = _checkpointed(body, policy)
    ours, theirs = _counts(irad, fun), _counts(jax, fun)
    for primitive in ("dot_general", "tanh", "sin", "cos"):
        assert ours[primitive] == theirs[primitive], primitive


@pytest.mark.parametrize("name", REST)
def test_as_many_products_as_in_jax(name):
    ours, theirs = _counts(irad, REST[name]), _counts(jax, REST[name])
    assert ours["dot_general"] == theirs["dot_general"]


@pytest.mark.parametrize("name", ["layers of a scan", "nested", "a barrier"])
def test_xla_keeps_the_computations_apart(name):
    def lowered(of):
        made = of.grad(lambda w, x: REST[name](w, x).sum(), (0, 1))
        return jax.jit(made).lower(W, X)

    ours, theirs = lowered(irad), lowered(jax)
    text = "optimization_barrier"
    assert ours.as_text().count(text) == theirs.as_text().count(text) > 0
    # XLA for CPUs drops JAX's barriers, and then may merge what it should not.
    ours, theirs = ours.compile().as_text(), theirs.compile().as_text()
    assert ours.count("tanh(") >= theirs.count("tanh(")
    assert ours.count(" dot(") >= theirs.count(" dot(")


# What is saved ------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["none", "dots", "only names", "everything"])
def test_nothing_is_saved_but_inputs_and_what_the_policy_says(policy):
    def wide(w, x):
        y = checkpoint_name(jnp.sin(x @ w), "hidden")
        return jnp.sum(jnp.exp(jnp.sin(y)) ** 2, axis=1)

    x = jnp.ones((7, 3))
    fun = jax.checkpoint(wide, policy=POLICIES[policy])
    residuals = jax.tree.leaves(irad.vjp(fun, W, x)[1])
    kept = sum(r.shape == (7, 3) and not np.array_equal(r, x) for r in residuals)
    assert {"none": 0, "dots": 1, "only names": 1}.get(policy, 3) <= kept
    if policy != "everything":
        assert kept <= 1
        assert any(np.array_equal(r, W) for r in residuals)


def test_random_keys_draw_the_same_numbers_again():
    key = jax.random.key(3)

    def dropped(x):
        return x * x * jax.random.bernoulli(key, 0.5, x.shape).astype(x.dtype)

    x = jnp.arange(1.0, 40.0)
    slope = irad.grad(lambda x: jax.checkpoint(dropped)(x).sum())(x)
    np.testing.assert_array_equal(slope, 2 * dropped(x) / x)


def test_narrow_values_are_rounded_where_they_are_saved():
    w, x = W.astype("bfloat16"), X.astype("bfloat16")

    def loss(w, x):
        return _checkpointed("layer", "dots")(w, x).sum()

    made = [jax.make_jaxpr(of.value_and_grad(loss))(w, x) for of in (irad, jax)]
    ours, theirs = (_count(jaxpr.jaxpr)["reduce_precision"] for jaxpr in made)
    assert ours == theirs > 0


def test_offloaded_values_go_to_the_host_and_back():
    policy = jax.checkpoint_policies.save_and_offload_only_these_names(
        names_which_can_be_saved=["waves"],
        names_which_can_be_offloaded=["hidden"],
        offload_src="device",
        offload_dst="pinned_host",
    )

    def loss(w, x):
        return jax.checkpoint(_layer, policy=policy)(w, x).sum()

    jaxpr = str(jax.make_jaxpr(irad.grad(loss))(W, X))
    assert jaxpr.count("device_put") == 2
    ours = jax.jit(irad.grad(loss))(W, X)
    np.testing.assert_allclose(ours, jax.grad(loss)(W, X), rtol=1e-12)


def test_a_policy_that_answers_nonsense_is_refused():
    fun = jax.checkpoint(_layer, policy=lambda *_, **__: "yes")
    with pytest.raises(TypeError, match="remat policy should be a bool"):
        irad.grad(lambda w: fun(w, X).sum())(W)


# Effects ------------------------------------------------------------------------------


def test_what_is_printed_is_printed_once(capfd):
    def printing(x):
        jax.debug.print("x is {}", x)
        return jnp.sin(jnp.sin(x))

    irad.grad(jax.checkpoint(printing))(0.5)
    jax.effects_barrier()
    assert capfd.readouterr().out == "x is 0.5\n"


def test_effects_that_cannot_be_repeated_are_refused():
    def calling(x):
        jax.experimental.io_callback(lambda _: None, None, jnp.float64(1.0))
        return jnp.sin(x)

    with pytest.raises(NotImplementedError, match="cannot run again"):
        irad.grad(jax.checkpoint(calling))(0.5)
