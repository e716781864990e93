"""HLO, as XLA takes it and as it leaves it: read, run and differentiated."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from irad_passes import modules as passes
from irad_passes.errors import ModuleError

X = np.sin(np.arange(24, dtype=np.float32)).reshape(6, 4)

PROGRAMS: dict[str, Any] = {
    "dot": lambda x: jnp.sum(jnp.tanh(x.T @ x)),
    "erf": lambda x: jnp.sum(lax.erf(x)),
    "sort": lambda x: jnp.sum(jnp.sort(x.T, axis=1) * jnp.arange(6.0, dtype=x.dtype)),
    "loop": lambda x: jnp.sum(lax.fori_loop(0, 5, lambda _, x: jnp.sin(x) + x, x)),
    "branch": lambda x: lax.cond(x[0, 0] > 0, jnp.sum, lambda x: jnp.sum(x * x), x),
    "pool": lambda x: jnp.sum(
        lax.reduce_window(x, -np.float32(np.inf), lax.max, (2, 2), (2, 2), "VALID")
    ),
    "fft": lambda x: jnp.sum(jnp.abs(jnp.fft.rfft(x))),
    "cholesky": lambda x: jnp.sum(jnp.linalg.cholesky(x.T @ x)),
}


@pytest.mark.parametrize("optimized", [False, True], ids=["taken", "left"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_hlo_is_differentiated(name: str, optimized: bool) -> None:
    f = PROGRAMS[name]
    lowered = jax.jit(f).lower(X)
    text = passes.hlo(lowered.as_text())
    if optimized:
        written = lowered.compile().as_text()
        assert written is not None
        text = written
    module = irad.stablehlo.from_hlo(text)
    np.testing.assert_allclose(module(X)[0], jax.jit(f)(X), rtol=1e-6)
    (gradient,) = irad.stablehlo.grad(module)(X)
    np.testing.assert_allclose(gradient, jax.grad(f)(X), rtol=1e-5, atol=1e-5)


def test_the_largest_entries_are_differentiated() -> None:
    f = lambda x: jnp.sum(lax.top_k(x, 2)[0])  # noqa: E731
    module = irad.stablehlo.from_hlo(passes.hlo(jax.jit(f).lower(X).as_text()))
    (gradient,) = irad.stablehlo.grad(module)(X)
    np.testing.assert_array_equal(gradient, jax.grad(f)(X))


def test_a_text_without_the_entries_of_a_constant_is_refused_and_its_proto_read() -> (
    None
):
    table = np.sin(np.arange(400, dtype=np.float32)).reshape(4, 100)
    f = lambda x: jnp.sum(jnp.sin(x @ table))  # noqa: E731
    made = jax.jit(f).lower(X).compile()
    with pytest.raises(ModuleError, match=r"<text>:\d+:\d+: error: .*large constant"):
        irad.stablehlo.from_hlo(made.as_text())
    (whole,) = made.runtime_executable().hlo_modules()
    module = irad.stablehlo.from_hlo(whole.as_serialized_hlo_module_proto())
    (gradient,) = irad.stablehlo.grad(module)(X)
    np.testing.assert_allclose(gradient, jax.grad(f)(X), rtol=1e-5, atol=1e-5)


def test_dots_in_a_name_are_no_constant_without_entries() -> None:
    f = lambda x: jnp.sum(jnp.einsum("...i,...i->...", x, 2.0 * x))  # noqa: E731
    text = jax.jit(f).lower(X).compile().as_text()
    assert text is not None
    text = text.replace("constant(2)", 'constant(2), metadata={op_name="...i,i"}')
    assert "...i,i" in text
    np.testing.assert_allclose(irad.stablehlo.from_hlo(text)(X)[0], f(X), rtol=1e-6)


BITCAST = """HloModule module
ENTRY main {{
  x = f32[2,3,4]{{{before}}} parameter(0)
  ROOT y = {dtype}[{shape}]{{{after}}} bitcast(x)
}}"""


@pytest.mark.parametrize(
    ("before", "shape", "after", "expected"),
    [
        ("2,1,0", "6,4", "1,0", lambda x: x.reshape(6, 4)),
        ("2,1,0", "4,6", "0,1", lambda x: x.reshape(6, 4).T),
        ("0,2,1", "3,4,2", "2,1,0", lambda x: x.transpose(1, 2, 0)),
        ("1,0,2", "2,12", "0,1", lambda x: x.transpose(2, 0, 1).reshape(12, 2).T),
    ],
)
@pytest.mark.parametrize("dtype", ["f32", "s32"])
def test_a_bitcast_reads_the_memory_of_its_operand(
    before: str, shape: str, after: str, expected: Any, dtype: str
) -> None:
    text = BITCAST.format(before=before, shape=shape, after=after, dtype=dtype)
    module = irad.stablehlo.from_hlo(text)
    x = np.sin(np.arange(24, dtype=np.float32)).reshape(2, 3, 4)
    seen = x if dtype == "f32" else x.view(np.int32)
    np.testing.assert_array_equal(module(x)[0], expected(seen))
