"""What is remembered about a body, how much, and for how long."""

import gc
import weakref

import jax
import jax.numpy as jnp
from jax.extend.core import Jaxpr

from irad_passes.bodies import Memo


def body() -> Jaxpr:
    return jax.make_jaxpr(jnp.sin)(1.0).jaxpr.replace()


def test_the_first_result_is_everyones() -> None:
    memo, jaxpr = Memo(), body()

    def second() -> str:
        assert memo.get(jaxpr, "key", lambda: "first") == "first"
        return "second"

    assert memo.get(jaxpr, "key", second) == "first"
    assert memo.get(jaxpr, "other key", lambda: "third") == "third"
    assert memo.get(body(), "key", lambda: "fourth") == "fourth"


def test_only_the_latest_results_are_remembered() -> None:
    memo, jaxpr = Memo(), body()
    for key in range(100):
        memo.get(jaxpr, key, lambda key=key: key)
    made: list[int] = []
    for key in reversed(range(100)):
        memo.get(jaxpr, key, lambda key=key: made.append(key))
        if made:
            break
    assert made == [35]


def test_results_are_dropped_with_the_body() -> None:
    class Result:
        pass

    memo, jaxpr = Memo(), body()
    result = weakref.ref(memo.get(jaxpr, None, Result))
    assert result() is not None
    del jaxpr
    gc.collect()
    assert result() is None
