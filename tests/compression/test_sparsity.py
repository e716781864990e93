"""``irad.sparsity``: what users see of patterns, and the traps on the way there."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import irad
from tests.compression.programs import nonzeros

x = jnp.linspace(0.5, 1.5, 6)


def dense(pattern: irad.SparsityPattern) -> np.ndarray:
    return pattern.toscipy().toarray()


def test_a_pattern_counts_all_outputs_by_all_inputs():
    def fun(a: Any, b: Any) -> Any:
        return {"y": a["u"][1:] * b, "z": jnp.sum(b)}

    a, b = {"u": jnp.ones(3), "v": jnp.ones(())}, jnp.ones(2)
    pattern = irad.sparsity(fun, argnums=(0, 1))(a, b)
    expected = [
        [0, 1, 0, 0, 1, 0],
        [0, 0, 1, 0, 0, 1],
        [0, 0, 0, 0, 1, 1],
    ]
    np.testing.assert_array_equal(dense(pattern), np.array(expected, bool))
    assert pattern.shape == (3, 6)
    assert pattern.nnz == 6


def test_outputs_that_depend_on_nothing_are_empty_rows():
    pattern = irad.sparsity(lambda x: (jnp.zeros(2), x[:1], x * 0.0 + x))(x)
    assert pattern.shape == (9, 6)
    assert pattern.rows.tolist() == [2, 3, 4, 5, 6, 7, 8]


def test_the_auxiliary_is_returned_beside_the_pattern():
    pattern, aux = irad.sparsity(lambda x: (x[:2], x.sum()), has_aux=True)(x)
    assert pattern.nnz == 2
    assert float(aux) == float(x.sum())


def test_patterns_are_equal_by_content():
    double = irad.sparsity(lambda x: 2.0 * x)(x)
    assert double == irad.sparsity(jnp.sin)(x)
    assert double != irad.sparsity(lambda x: x[::-1])(x)
    assert double != "pattern"


def test_the_picture_is_small_and_begins_with_the_numbers():
    large = str(irad.sparsity(jnp.cumsum)(jnp.ones(400)))
    first, *lines = large.splitlines()
    assert first.startswith("400 x 400, 80200 nonzeros")
    assert len(lines) == 20
    assert {len(line) for line in lines} == {40}
    assert lines[0][0] in "▒▓█"
    assert lines[0][-1] == " "
    assert str(irad.sparsity(lambda x: x[:0])(x)).splitlines() == [
        "0 x 6, 0 nonzeros (0 of all)"
    ]


def test_a_plot_without_matplotlib_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'irad\[plot\]'"):
        irad.sparsity(jnp.sin)(x).plot()


def test_integer_inputs_are_refused():
    with pytest.raises(TypeError, match="sparsity requires real"):
        irad.sparsity(lambda i: i * 1.0)(jnp.arange(3))


def test_an_index_array_of_one_call_says_nothing_about_the_next():
    @jax.jit
    def taken(x: Any, i: Any) -> Any:
        return x[i]

    for i in ([0, 1], [4, 2], [5, 5]):
        index = jnp.array(i)
        pattern = irad.sparsity(lambda x, i=index: taken(x, i))(x)
        assert pattern.columns.tolist() == i


def test_one_function_called_twice_with_other_constants_keeps_them_apart():
    @jax.jit
    def taken(x: Any, i: Any) -> Any:
        return x[i]

    pattern = irad.sparsity(
        lambda x: taken(x, jnp.array([0, 1])) + taken(x, jnp.array([4, 4]))
    )(x)
    np.testing.assert_array_equal(dense(pattern)[0], [1, 0, 0, 0, 1, 0])
    np.testing.assert_array_equal(dense(pattern)[1], [0, 1, 0, 0, 1, 0])


def test_two_choices_by_constant_masks_keep_them_apart():
    mask = jnp.array([True, False] * 3)

    def fun(x: Any) -> Any:
        a = jnp.where(mask, x, x[::-1])
        return jnp.where(~mask, a, 0.0)

    pattern = irad.sparsity(fun)(x)
    np.testing.assert_array_equal(dense(pattern), nonzeros(fun, x))


@jax.custom_jvp
def halves(x: Any) -> Any:
    return x + x[::-1]


@halves.defjvp
def halves_jvp(x: Any, t: Any) -> Any:
    return halves(*x), jnp.roll(t[0], 1)


@jax.custom_vjp
def turned(x: Any) -> Any:
    return x + x[::-1]


turned.defvjp(lambda x: (turned(x), None), lambda _, c: (jnp.roll(c, 1),))


@jax.custom_vjp
def clipped(x: Any) -> Any:
    return x * x


clipped.defvjp(lambda x: (x * x, x), lambda x, c: (jnp.clip(c * x, -1.0, 1.0),))


@pytest.mark.parametrize(
    ("fun", "jacobian"),
    [(halves, jax.jacfwd), (turned, jax.jacrev), (clipped, jax.jacrev)],
)
def test_a_custom_rule_decides_the_pattern(fun, jacobian):
    pattern = irad.sparsity(fun)(x)
    np.testing.assert_array_equal(dense(pattern), nonzeros(fun, x, jacobian=jacobian))


def test_masks_computed_from_constants_are_known():
    weights = np.array([0.5, -1.0, 2.0, -3.0, 0.0, 1.0])

    def fun(x: Any) -> Any:
        return jnp.where(jnp.asarray(weights) > 0, x, x[0])

    np.testing.assert_array_equal(dense(irad.sparsity(fun)(x)), nonzeros(fun, x))


def test_under_jit_a_traced_index_is_not_known():
    seen = []

    @jax.jit
    def outer(x: Any, i: Any) -> Any:
        seen.append(irad.sparsity(lambda x: x[i])(x))
        return x

    outer(x, jnp.array([1, 2]))
    assert seen[0].nnz == 12
