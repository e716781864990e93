"""What the machine table of `irad.cost` is made of: `python -m benchmarks.calibration`.

One core's CPU time, the least of several rounds, so that other processes disturb it
little. `XLA_FLAGS=--xla_cpu_multi_thread_eigen=false` keeps XLA on one core.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

ROUNDS = 15
FUNCTIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "exp": lax.exp,
    "log": lambda x: lax.log(2 + x),
    "tanh": lax.tanh,
    "logistic": lax.logistic,
    "sin": lax.sin,
    "erf": lax.erf,
    "rsqrt": lambda x: lax.rsqrt(2 + x),
    "sqrt": lambda x: lax.sqrt(2 + x),
    "pow": lambda x: lax.pow(2 + x, x),
}


def seconds(fun: Callable[..., Any], *arguments: Any) -> float:
    """CPU seconds of a call of ``fun`` once it is compiled."""
    run = jax.jit(fun).lower(*arguments).compile()
    jax.block_until_ready(run(*arguments))
    calls = 1
    while (took := _calls(run, arguments, calls)) < 0.01:
        calls *= 4
    least = min(_calls(run, arguments, calls) for _ in range(ROUNDS))
    return min(took, least) / calls


def _calls(run: Callable[..., Any], arguments: Any, calls: int) -> float:
    started = time.process_time()
    for _ in range(calls - 1):
        run(*arguments)
    jax.block_until_ready(run(*arguments))
    return time.process_time() - started


def dots() -> None:
    """Operations of a product of square matrices in a nanosecond."""
    for n in (8, 16, 32, 64, 128, 256, 512, 1024):
        x = jnp.ones((n, n), jnp.float32)

        def products(x: jax.Array, w: jax.Array) -> jax.Array:
            return lax.fori_loop(0, 16, lambda _, x: x @ w, x)

        took = seconds(products, x, x) / 16
        print(f"dot {n:5}: {2 * n**3 / took / 1e9:7.2f} flops/ns {took * 1e6:10.2f} us")


def elementwise() -> None:
    """Nanoseconds of an operation on an entry, in arrays that stay in the cache."""
    n = 4096
    x = jnp.linspace(0.0, 1.0, n, dtype=jnp.float32)

    def chain(step: Callable[[jax.Array], jax.Array], count: int) -> float:
        def fun(x: jax.Array) -> jax.Array:
            for _ in range(count):
                x = step(x)
            return x

        return seconds(fun, x)

    rows = {
        "mul, add": lambda x: x * x + 0.5,
        "div": lambda x: 0.5 / (1 + x),
        **FUNCTIONS,
    }
    for name, step in rows.items():
        took = (chain(step, 24) - chain(step, 4)) / 20 / n
        print(f"{name:9}: {took * 1e9:6.3f} ns/entry")


def memory() -> None:
    """Bytes read and written in a nanosecond, by the bytes of the working set."""
    for n in (2**10, 2**13, 2**16, 2**18, 2**20, 2**22, 2**24, 2**26):
        x = jnp.ones(n // 4, jnp.float32)

        def passes(x: jax.Array) -> jax.Array:
            return lax.fori_loop(0, 8, lambda _, x: x * 0.5, x)

        took = seconds(passes, x) / 8
        print(f"{2 * n:10,} bytes: {2 * n / took / 1e9:7.2f} bytes/ns")


def levels() -> None:
    """Bytes moved in a nanosecond where a loop adds up arrays of its steps.

    In a loop that also multiplies, and streams what it keeps, it takes less to leave
    the cache: the loops of `python -m benchmarks memory` add up at 20 bytes/ns from 1
    MB on.
    """
    for n in (2**14, 2**16, 2**18, 2**19, 2**20, 2**21, 2**23):
        total = term = jnp.ones(n // 4, jnp.float32)

        def step(_: int, both: tuple[jax.Array, jax.Array]) -> Any:
            total, term = both
            term = lax.optimization_barrier(term * 0.5)
            return total + term, term

        def sums(total: jax.Array, term: jax.Array) -> Any:
            return lax.fori_loop(0, 16, step, (total, term))

        took = seconds(sums, total, term) / 16
        print(f"{2 * n:10,} bytes: {5 * n / took / 1e9:7.2f} bytes/ns")


def stacks() -> None:
    """Nanoseconds for a byte that a loop stacks and another reads, by their bytes."""
    x = jnp.ones(2**12, jnp.float32)

    def there_and_back(steps: int, keep: bool) -> Callable[..., jax.Array]:
        def ahead(x: jax.Array, _: None) -> Any:
            return x * 0.5, x if keep else None

        def back(c: jax.Array, y: jax.Array | None) -> Any:
            return c * (0.5 if y is None else y), None

        def fun(x: jax.Array) -> jax.Array:
            x, ys = lax.scan(ahead, x, length=steps)
            return lax.scan(back, x, ys, length=steps, reverse=True)[0]

        return fun

    for mebibytes in (1, 4, 16, 31, 36, 64, 128):
        steps = mebibytes * 2**20 // x.nbytes
        kept, computed = (seconds(there_and_back(steps, k), x) for k in (True, False))
        print(f"{mebibytes:4} MiB: {(kept - computed) / steps / x.nbytes * 1e9:.3f} ns")


def overheads() -> None:
    """A call, a kernel and a trip of a loop, in microseconds."""
    x = jnp.ones(8, jnp.float32)

    def kernels(count: int) -> Callable[..., jax.Array]:
        def fun(x: jax.Array) -> jax.Array:
            for _ in range(count):
                x = jnp.cumsum(x) - jnp.sum(x)
            return x

        return fun

    def trips(count: int) -> Callable[..., jax.Array]:
        return lambda x: lax.fori_loop(0, count, lambda _, x: lax.sin(x), x)

    call = seconds(lambda x: x * 2, x)
    kernel = (seconds(kernels(40), x) - seconds(kernels(8), x)) / 32
    trip = (seconds(trips(1024), x) - seconds(trips(128), x)) / 896
    print(f"call {call * 1e6:.2f} us, two reductions {kernel * 1e6:.2f} us")
    print(f"trip of one kernel {trip * 1e6:.2f} us")


def compilation() -> None:
    """CPU seconds that XLA takes, by equations."""
    x = jnp.ones(8, jnp.float32)
    for n in (10, 100, 300, 1000, 3000):

        def chain(x: jax.Array, n: int = n) -> jax.Array:
            for i in range(n):
                x = lax.sin(x) if i % 2 else lax.mul(x, 1.5)
            return x

        lowered = jax.jit(chain).lower(x)
        started = time.process_time()
        lowered.compile()
        print(f"{n:6} equations: {time.process_time() - started:.3f} s")


if __name__ == "__main__":
    for part in (dots, elementwise, memory, levels, stacks, overheads, compilation):
        print(f"\n{part.__doc__}")
        part()
