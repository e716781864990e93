"""How every test runs: on eight virtual CPU devices, in float64, promoting nothing.

The environment is set before anything imports JAX, which reads it once.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.compiling import FLAGS

DEVICES = "--xla_force_host_platform_device_count=8"
GIVEN = os.environ.get("XLA_FLAGS", "")
os.environ["XLA_FLAGS"] = f"{FLAGS} {GIVEN} {DEVICES}"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402, after the environment

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")

# Executables are kept by what they are made of, for the files and runs that follow.
COMPILED = Path(__file__).parents[1] / ".compiled"
jax.config.update("jax_compilation_cache_dir", str(COMPILED))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

# The first call of an example compiles, so no example has a deadline.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=5000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci")


@pytest.fixture
def float32() -> Iterator[None]:
    """JAX as it comes: 64-bit types are turned into 32-bit ones."""
    with jax.enable_x64(False):
        yield


@pytest.fixture
def standard_promotion() -> Iterator[None]:
    """JAX as it comes: operands of different dtypes are promoted to one."""
    with jax.numpy_dtype_promotion("standard"):
        yield
