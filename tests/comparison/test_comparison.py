"""The same gradient at every level of IR: the same numbers, and figures beside them."""

import json
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from irad import comparison
from tests.stablehlo.exported import exported

X = np.linspace(0.1, 1.0, 6, dtype=np.float32).reshape(2, 3)
W = {"a": np.float32(0.5), "b": np.ones((3, 4), np.float32)}
SHORT = 1e-9
"""So few seconds that everything is measured once or as often as it must be."""


def loss(x: Any, w: Any) -> Any:
    return jnp.sum(jnp.tanh(x @ w["b"]) * w["a"])


def loop(x: Any) -> Any:
    steps = lambda c: (c[0] + 1, jnp.sin(c[1]))  # noqa: E731
    return jnp.sum(lax.while_loop(lambda c: c[1][0, 0] > 0.09, steps, (0, x))[1])


def test_every_level_has_a_row_and_prints() -> None:
    found = irad.compare(loss, X, W, wrt=(0, 1), seconds=SHORT)
    assert tuple(level.name for level in found.levels) == comparison.LEVELS
    assert found.difference < 1e-5
    assert not found.left_out
    for level in found.levels:
        assert level.flops >= 2 * 2 * 3 * 2 * 4
        assert level.equations > 3
        assert level.stablehlo_operations > 3
        assert level.hlo_instructions > 3
        assert min(level.transform_s, level.lower_s, level.compile_s, level.run_s) > 0
    assert json.loads(json.dumps(found.to_dict()))["levels"][0]["name"] == "frontend"
    lines = str(found).splitlines()
    assert [line.split()[0] for line in lines[2:6]] == list(comparison.LEVELS)
    assert lines[-1].startswith("The gradients agree to")


def test_a_module_has_no_source_and_its_levels_agree() -> None:
    module = exported(loss, X, W)
    found = irad.compare(module, X, *jax.tree.leaves(W), wrt=(0, 2), seconds=SHORT)
    assert [level.name for level in found.levels] == ["stablehlo", "hlo"]
    assert set(found.left_out) == {"frontend", "jaxpr"}
    with pytest.raises(ValueError, match="a module has no source"):
        irad.compare(module, X, *jax.tree.leaves(W), levels=["jaxpr"])


def test_a_level_that_cannot_be_taken_is_left_out_with_the_reason() -> None:
    found = irad.compare(loop, X, levels=["frontend", "jaxpr"], seconds=SHORT)
    assert [level.name for level in found.levels] == ["jaxpr"]
    assert "does not work for lax.while_loop" in found.left_out["frontend"]
    assert "?: without what cannot be counted (while)." in str(found)


def test_a_disagreement_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def scaled(given: Any) -> Any:
        return lambda *x: [1.01 * c for c in jax.grad(given.fun, given.argnums)(*x)]

    monkeypatch.setitem(comparison.MAKERS, "hlo", scaled)
    with pytest.raises(irad.DisagreementError, match="hlo and frontend disagree"):
        irad.compare(loss, X, W, seconds=SHORT)


def test_what_cannot_be_compared_is_an_error() -> None:
    with pytest.raises(ValueError, match="levels are some of frontend, jaxpr"):
        irad.compare(loss, X, W, levels=["assembler"])
    with pytest.raises(TypeError, match="scalar"):
        irad.compare(jnp.sin, X)
    with pytest.raises(TypeError, match="requires at least 3"):
        irad.compare(loss, X, W, wrt=2)
    with pytest.raises(TypeError, match="takes 1 arrays, got 2"):
        irad.compare(exported(jnp.sum, X), X, X)


class Axes:
    """What is drawn, by the name of the method."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: self.drawn.append(name)


def test_a_plot_has_bars_for_each_level(monkeypatch: pytest.MonkeyPatch) -> None:
    found = irad.compare(loss, X, W, levels=["frontend", "jaxpr"], seconds=SHORT)
    axes = Axes()
    assert found.plot(axes) is axes
    assert axes.drawn.count("bar") == 2
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'irad\[plot\]'"):
        found.plot()
