"""What a gradient keeps, as reported: that of the programs that irad emits."""

import json
import sys
from collections import Counter
from dataclasses import replace
from math import inf
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from irad._compat import ir
from irad.checkpointing import Schedule
from irad.checkpointing.online import run_again
from irad.checkpointing.options import MAX_CHECKPOINTS
from irad.cost import MACHINES
from irad.derivatives import gradient, vjp
from irad.keeping import lifetimes
from irad.keeping.lifetimes import Lifetimes, Programs, lifetimes_of
from irad.transforms.reports import EVERYTHING

W = np.linspace(-0.3, 0.3, 64).reshape(8, 8)
X = jnp.linspace(0.1, 1.0, 8)
LAYERS, STEPS = 12, 36


def loop(x, xs):
    """A product is dear, an exponential is cheap to run again."""

    def step(s, v):
        return jnp.tanh(W @ s) * jnp.exp(v), None

    return jnp.sum(lax.scan(step, x, xs)[0])


def net(x):
    for _ in range(LAYERS):
        x = jnp.tanh(W @ x)
    return jnp.sum(x)


def unknown(x):
    def body(c):
        return jnp.sin(c[0]) + c[0], c[1] + 1

    return jnp.sum(lax.while_loop(lambda c: c[1] ** 2 < 25, body, (x, 0))[0])


XS = jnp.ones((STEPS, 8))
PROGRAMS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "loop": (loop, (X, XS)),
    "net": (net, (X,)),
    "unknown length": (unknown, (X,)),
    "call": (jax.jit(lambda x: jnp.sum(jnp.sin(jnp.exp(x)))), (X,)),
    "checkpoint": (jax.checkpoint(net), (X,)),
}


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a loop stacks is dear, however little it is."""
    cold = replace(MACHINES["cpu"], stacking=((inf, 0.875e-9),))
    monkeypatch.setitem(MACHINES, "cpu", cold)


def counted(jaxpr: Any) -> Counter[str]:
    """How often each primitive stands in a program, bodies included."""
    found: Counter[str] = Counter()
    for eqn in jaxpr.eqns:
        found[eqn.primitive.name] += 1
        for body in ir.inner_jaxprs(eqn):
            found += counted(getattr(body, "jaxpr", body))
    return found


def followed(fun: Any, schedule: Schedule) -> Lifetimes:
    closed = jax.make_jaxpr(fun)(X)
    jaxpr, k = ir.with_constants_as_inputs(closed.jaxpr), len(closed.consts)
    forward = vjp(jaxpr, k, 1, Schedule(checkpointing=EVERYTHING)).forward.jaxpr
    made = gradient(jaxpr, k, with_value=False, schedule=schedule)
    return lifetimes_of(Programs(jaxpr, forward, made))


@pytest.mark.parametrize("name", PROGRAMS)
def test_kept_bytes_are_those_of_the_residuals_of_a_pullback(name):
    fun, args = PROGRAMS[name]
    pullback: Any = irad.vjp(fun, *args)[1]
    sources = pullback.program.split.sources
    pairs = zip(pullback.residuals, sources, strict=True)
    held = sum(x.nbytes for x, source in pairs if source is None)
    report = irad.residuals(fun, tuple(range(len(args))))(*args)
    assert report.kept_bytes == held


@pytest.mark.usefixtures("no_cache")
def test_a_loop_computes_again_what_stands_in_both_of_its_programs():
    report = irad.residuals(loop, (0, 1))(X, XS)
    assert [v.name for v in report.values if v.decision == "again"] == ["exp"]
    found = counted(report.programs.gradient.jaxpr)
    assert (found["exp"], found["tanh"]) == (2, 1)


@pytest.mark.usefixtures("no_cache")
def test_each_value_has_its_equation_its_line_its_steps_and_a_reason():
    report = irad.residuals(loop, (0, 1))(X, XS)
    (exp,) = [v for v in report.values if v.decision == "again"]
    line = loop.__code__.co_firstlineno + 4
    assert f"test_residuals.py:{line}" in exp.source
    assert (exp.type, exp.bytes, exp.steps) == ("float64[8]", 64, STEPS)
    assert "costs" in exp.reason
    (tanh,) = [v for v in report.values if v.decision == "kept"]
    assert tanh.bytes == 64 * STEPS
    assert {v.name for v in report.values if v.decision == "there"} >= {"xs"}


def test_of_a_loop_of_unknown_length_a_bounded_number_of_states_is_kept():
    values = irad.residuals(unknown)(X).values
    assert max(v.bytes for v in values if v.decision == "kept") <= (
        (MAX_CHECKPOINTS + 1) * X.nbytes
    )
    again = [v for v in values if v.decision == "again"]
    assert {v.steps for v in again} == {None}
    assert {v.name for v in again} == {"sin", "add"}


def test_of_a_segment_what_enters_is_kept_and_what_is_inside_is_computed_again():
    values = irad.residuals(jax.checkpoint(net))(X).values
    again = Counter(v.name for v in values if v.decision == "again")
    assert again == {"tanh": LAYERS, "dot_general": LAYERS}
    assert not [v for v in values if v.decision == "kept" and not v.in_segment]
    assert [v for v in values if v.decision == "kept" and v.in_segment]


def test_without_a_schedule_all_that_a_net_needs_is_live_in_the_middle():
    found = followed(net, Schedule())
    read = [row.name == "mul" for row in found.rows]
    assert found.live()[read].sum(axis=0).max() == sum(read) == LAYERS
    assert found.runs == 1.0


def test_segments_hold_less_and_compute_twice():
    whole, cut = (followed(net, Schedule(segments=n)) for n in (1, 4))
    assert len(cut.rows) == len(whole.rows)
    assert cut.most < 0.7 * whole.most
    assert {len(row.spans) for row in cut.rows} == {1, 2}


@pytest.mark.parametrize("levels", [2, 3])
def test_a_nested_loop_computes_a_state_once_more_for_each_level(levels):
    def chain(x):
        return jnp.sum(lax.scan(lambda s, _: (jnp.sin(s), None), x, length=64)[0])

    whole = followed(chain, Schedule())
    found = followed(chain, Schedule(levels=levels))
    assert found.most < 0.5 * whole.most
    assert max(len(row.spans) for row in found.rows if row.name == "sin") == levels


def test_what_is_live_is_what_the_spans_say():
    found = followed(net, Schedule())
    live = found.live()
    assert live.shape == (len(found.rows), found.steps)
    lengths = [sum(b - a + 1 for a, b in row.spans) for row in found.rows]
    np.testing.assert_array_equal(live.sum(axis=1), lengths)


@pytest.mark.usefixtures("no_cache")
def test_it_prints_as_a_table_that_hides_no_broken_promise():
    report = irad.residuals(loop, (0, 1))(X, XS)
    text = str(report)
    assert "computed again" in text
    assert "tanh float64[8]" in text or "mul float64[8]" in text
    broken = replace(report, xla_bytes=2 * report.peak_bytes)
    assert "XLA breaks the promise: it takes 2 times" in str(broken)
    kept = replace(report, xla_bytes=report.peak_bytes)
    assert "promise" not in str(kept)


def test_many_values_are_summed_up():
    text = str(irad.residuals(lambda *x: sum(map(jnp.sum, x)) ** 2, range(9))(*[X] * 9))
    assert len(text.splitlines()) < 12


def test_it_is_numbers_and_strings():
    report = irad.residuals(loop)(X, XS)
    figures = json.loads(json.dumps(report.to_dict()))
    assert figures["xla_bytes"] == report.xla_bytes
    assert len(figures["values"]) == len(report.values)


def test_the_picture_has_the_height_of_the_values():
    lines = irad.residuals(net)(X).picture().splitlines()
    assert len(lines) == 17
    assert "computed once" in lines[0]


class Axes:
    """Axes that remember what is drawn."""

    def __init__(self) -> None:
        self.drawn: Any = None
        self.words: list[str] = []

    def imshow(self, live: Any, **options: Any) -> None:
        self.drawn = live

    def set_title(self, text: str) -> None:
        self.words.append(text)

    set_xlabel = set_ylabel = set_title


def test_a_plot_has_a_row_for_each_value_and_a_column_for_each_step():
    report, axes = irad.residuals(net)(X), Axes()
    assert report.plot(axes) is axes
    found = report.lifetimes
    assert axes.drawn.shape == (len(found.rows), found.steps)


def test_a_plot_without_matplotlib_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'irad\[plot\]'"):
        irad.residuals(net)(X).plot()


def test_too_many_steps_are_not_drawn(monkeypatch):
    monkeypatch.setattr(lifetimes, "MOST_STEPS", 10)
    with pytest.raises(irad.PlanError, match="more than 10 steps"):
        _ = irad.residuals(net)(X).lifetimes


@pytest.mark.parametrize("steps", [5, 32, 33, 50])
def test_a_loop_with_slots_runs_as_many_steps_again_as_its_schedule_says(steps):
    def squared(x):
        def body(c):
            return jnp.sin(c[0]), c[1] + 1

        loop = lax.while_loop(lambda c: c[1] ** 2 < steps**2, body, (x, 0))
        return jnp.sum(loop[0])

    found = irad.residuals(squared)(X).lifetimes
    runs = sum(len(row.spans) for row in found.rows if row.name == "sin")
    assert runs == steps + run_again(steps, MAX_CHECKPOINTS)
    assert found.most <= MAX_CHECKPOINTS + 2


@pytest.mark.parametrize(("name", "slots"), [("none", 1), ("binomial", 32)])
def test_a_scan_with_slots_runs_as_many_steps_again_as_its_schedule_says(name, slots):
    def chain(x):
        return jnp.sum(lax.scan(lambda s, _: (jnp.sin(s), None), x, length=36)[0])

    found = irad.residuals(chain, schedule=name)(X).lifetimes
    runs = sum(len(row.spans) for row in found.rows if row.name == "sin")
    assert runs == 36 + run_again(36, slots, known=True)
    assert found.most <= slots + 2


def test_a_loop_that_values_end_is_not_drawn_as_if_it_held_nothing():
    def ended(x):
        loop = lax.while_loop(lambda s: jnp.sum(s) < 9.0, lambda s: s + jnp.sin(s), x)
        return jnp.sum(loop)

    with pytest.raises(irad.PlanError, match=r"test_residuals.py.* is not drawn"):
        irad.residuals(ended)(X).picture()


def test_it_refuses_what_the_gradient_refuses():
    with pytest.raises(TypeError, match="scalar-output"):
        irad.residuals(jnp.sin)(X)
    with pytest.raises(ValueError, match="schedule is one of"):
        irad.residuals(net, schedule="some")
