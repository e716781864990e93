"""What irad says of a function: whose rules, which inputs get lost, what is kept."""

import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from tests.stablehlo.exported import exported

X = np.ones((5, 3))


def losing(p: Any, kinked: Any, stopped: Any, sought: Any) -> Any:
    h = jax.nn.relu(X @ p["w"]) * lax.stop_gradient(jnp.sum(stopped))
    c, _ = lax.scan(lambda c, a: (jnp.sin(c) + a, None), h[0], h)
    positive = jnp.sum(jnp.where(kinked > 0, 1.0, 0.0))
    return jnp.sum(c) + positive + jnp.argmax(sought).astype(X.dtype)


P = {"unused": np.ones(2), "w": np.ones((3, 3))}


def test_every_primitive_on_an_active_path_names_its_rule() -> None:
    found = irad.explain(losing, P, X, X, X[0])
    rules = {use.primitive: use.rule for use in found.rules}
    assert rules["dot_general"] == "irad, linear"
    assert rules["sin"] == "irad, elementwise"
    assert rules["scan"] == "irad, by the program inside"
    assert rules["custom_jvp_call"] == "the function's own, jvp"
    assert "argmax" not in rules
    assert "test_explanation.py" in found.rules[0].source


def test_an_input_that_gets_lost_is_named_with_the_equation_where() -> None:
    found = irad.explain(losing, P, X, X, X[0], wrt=(0, 1, 2, 3)).independent
    assert list(found) == ["p['unused']", "kinked", "stopped", "sought"]
    assert found["p['unused']"] == "none is computed from it"
    assert "a truth value has no tangent" in found["kinked"]
    assert "as it was asked to" in found["stopped"]
    assert "argmax" in found["sought"]


def test_an_input_that_gets_lost_inside_names_what_it_is_inside_of() -> None:
    step = lambda c, a: (c, lax.stop_gradient(c) * a)  # noqa: E731
    last = lambda x, y: lax.scan(step, x, y)[1]  # noqa: E731
    (reason,) = irad.explain(last, 1.0, X[0]).independent.values()
    assert reason.startswith("scan at")
    assert reason.endswith("its results do not change with it")


def test_a_gradient_says_what_it_keeps_and_a_jacobian_how_it_is_made() -> None:
    found = irad.explain(losing, P, X, X, X[0])
    assert found.residuals is not None
    text = str(found)
    assert "Gradient: " in text
    assert "are kept" in text
    stencil = irad.explain(lambda x: x[1:] * x[:-1], np.ones(100))
    assert stencil.residuals is None
    assert stencil.plan is not None
    assert stencil.plan.reason in str(stencil)
    assert json.loads(json.dumps(found.to_dict()))["rules"][0]["uses"] == 1


def test_complex_functions_have_rules_and_no_plan() -> None:
    found = irad.explain(lambda z: jnp.abs(z) ** 2, 1 + 2j)
    assert found.plan is None
    assert "abs" in {use.primitive for use in found.rules}


def test_a_module_is_explained_by_its_inputs() -> None:
    module = exported(losing, P, X, X, X[0])
    found = irad.explain(module, P["w"], X, X, X[0])  # what is unused is not exported
    assert list(found.independent) == [
        f"input {i}" for i in (1, 3)
    ]  # no stop_gradient in a module
    assert "dot_general" in {use.primitive for use in found.rules}


def test_what_has_no_rule_is_the_error_of_a_derivative() -> None:
    text = """func.func @main(%x: tensor<f32>) -> tensor<f32> {
      %y = stablehlo.custom_call @mystery(%x) : (tensor<f32>) -> tensor<f32>
      return %y : tensor<f32>
    }"""
    module = irad.stablehlo.load(text)
    with pytest.raises(irad.NoRuleError, match="no derivative for operation 'mystery'"):
        irad.explain(module, np.float32(1))
