"""The suites on a program that takes no time, right and deliberately broken."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.command import main
from benchmarks.harness.peers import Peer, PeerError, failures_of, peer
from benchmarks.harness.tables import Column, Table, plain
from benchmarks.programs import (
    Program,
    equation_chains,
    kept_by_gradients,
    models,
)
from benchmarks.suites import (
    SUITES,
    dispatch,
    gradients,
    imports,
    lowering,
    memory,
    transform,
)
from benchmarks.suites.suite import measure
from irad.instruments import timing

pytestmark = pytest.mark.usefixtures("float32", "standard_promotion")

ONCE = timing.Rounds(least=1, most=1)
EVERY = [transform.SUITE, gradients.SUITE, memory.SUITE, *dispatch.SUITES]


def make():
    def loss(x):
        return jnp.sum(jnp.sin(x) * x)

    return loss


TINY = Program(
    name="tiny",
    make=make,
    arguments=lambda: (np.linspace(0, 1, 8, dtype=np.float32),),
    source="here",
)


def scaled(fun, argnums=0):
    gradient = jax.grad(fun, argnums)
    return lambda *args: jax.tree.map(lambda x: x * 1.001, gradient(*args))


def one_entry(change):
    """A gradient that is right but in one place."""

    def grad(fun, argnums=0):
        gradient = jax.grad(fun, argnums)
        return lambda *args: jax.tree.map(
            lambda x: x.at[3].set(change(x[3])), gradient(*args)
        )

    return grad


def in_another_dtype(fun, argnums=0):
    gradient = jax.grad(fun, argnums)
    return lambda *args: jax.tree.map(lambda x: x.astype(jnp.bfloat16), gradient(*args))


BROKEN = {
    "scaled": scaled,
    "NaN in one place": one_entry(lambda x: jnp.nan * x),
    "infinite in one place": one_entry(lambda x: jnp.inf + x),
    "zero in one place": one_entry(jnp.zeros_like),
    "another dtype": in_another_dtype,
}


def failing(fun, argnums=0):
    raise NotImplementedError("no rule for 'sin'\nand more lines")


def with_value(grad):
    def value_and_grad(fun, argnums=0):
        gradient = grad(fun, argnums)
        return lambda *args: (fun(*args), gradient(*args))

    return value_and_grad


def nothing() -> None:
    """The caches of a peer that has none."""


def peer_of(name, grad):
    return Peer(name, grad, with_value(grad), nothing, {})


RIGHT, SCALED, FAILING = (
    peer_of(name, grad)
    for name, grad in {"right": jax.grad, "scaled": scaled, "failing": failing}.items()
)


@pytest.fixture(autouse=True)
def device():
    """Takes back what the command sets for the whole process."""
    before = jax.config.jax_default_device
    yield
    jax.config.update("jax_default_device", before)


@pytest.fixture(autouse=True)
def once(monkeypatch):
    monkeypatch.setattr(timing, "SAMPLE", 0.0)
    monkeypatch.setattr(transform, "ROUNDS", ONCE)
    monkeypatch.setattr(gradients, "ROUNDS", ONCE)
    monkeypatch.setattr(memory, "ROUNDS", ONCE)
    monkeypatch.setattr(dispatch, "ROUNDS", ONCE)
    monkeypatch.setattr(dispatch, "SLOW", ONCE)
    monkeypatch.setattr(dispatch, "FIRST", ONCE)


@pytest.mark.parametrize(
    ("suite", "broken"),
    [(suite, broken) for suite in EVERY for broken in BROKEN],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_broken_gradient_is_an_error_and_no_row(suite, broken):
    ours = peer_of("broken", BROKEN[broken])
    outcome = measure(suite, [TINY], ours, lambda _: None)
    assert not outcome.table.rows
    assert len(outcome.errors) == 1
    assert "tiny" in outcome.errors[0]


@pytest.mark.parametrize("suite", EVERY, ids=lambda suite: suite.name)
def test_a_failing_peer_is_a_row_that_says_how(suite):
    outcome = measure(suite, [TINY], FAILING, lambda _: None)
    (row,) = outcome.table.rows
    assert row["failed"] == "failing: NotImplementedError: no rule for 'sin'"
    assert not outcome.errors
    assert "tiny" in plain(outcome.table)


@pytest.mark.parametrize("suite", EVERY, ids=lambda suite: suite.name)
def test_a_right_gradient_is_a_row_that_prints_and_is_json(suite):
    outcome = measure(suite, [TINY], RIGHT, lambda _: None)
    (row,) = outcome.table.rows
    assert not outcome.errors
    assert json.loads(json.dumps(row))["source"] == "here"
    assert len(outcome.table.cells()[0]) == len(suite.columns)


def test_the_same_gradient_compiles_to_the_same_program():
    row = gradients.row(TINY, RIGHT)
    assert row["same_program"]
    assert row["flops_ratio"] == 1.0
    assert row["difference"] == 0.0
    assert row["ours"]["temp_bytes"] == row["jax"]["temp_bytes"]
    assert not gradients.missed({"program": "tiny", **row})


def test_central_differences_stand_beside_gradients_of_few_entries():
    row = gradients.row(TINY, RIGHT)
    assert 0 < row["numerical"]["error"] < 1e-2
    names = [contest.beside for contest in gradients.contests(row)]
    assert names == ["jax.grad", "central differences"]
    many = np.ones(gradients.ENTRIES + 1, np.float32)
    row = gradients.row(replace(TINY, arguments=lambda: (many,)), RIGHT)
    assert row["numerical"] is None


def test_a_later_call_is_its_trace_its_run_and_a_remainder():
    row = dispatch.eager(TINY, RIGHT)
    parts = row["median_s"]["capture"] + row["median_s"]["run"] + row["remainder_s"]
    assert parts == pytest.approx(row["median_s"]["ours"])


@pytest.mark.slow
def test_importing_is_measured_in_processes_of_its_own(monkeypatch):
    monkeypatch.setattr(imports, "PROCESSES", 1)
    (program,) = imports.SUITE.programs("small")
    outcome = measure(imports.SUITE, [program], peer("jax"), lambda _: None)
    (row,) = outcome.table.rows
    assert min(row["median_s"].values()) > 0
    assert plain(outcome.table).splitlines()[-1].startswith("x * x")


def test_more_work_misses_the_target():
    row = {
        "program": "tiny",
        "flops_ratio": 1.1,
        "same_program": False,
        "time_ratio": {"median": 1.3, "low": 1.2, "high": 1.4},
    }
    assert gradients.missed(row) == ["flops 1.02", "time 1.05"]
    near = {"median": 1.1, "low": 1.04, "high": 1.2}
    assert gradients.missed({**row, "time_ratio": near}) == ["flops 1.02"]
    assert gradients.missed({**row, "program": "CNN, max-pool"}) == [
        "flops 1.02",
        "time 0.5",
    ]


def test_only_the_peers_own_failure_becomes_a_row():
    with (
        pytest.raises(PeerError, match="failing: ValueError: why"),
        failures_of(FAILING),
    ):
        raise ValueError("why")
    broken = replace(TINY, make=lambda: failing)
    with pytest.raises(NotImplementedError):
        measure(gradients.SUITE, [broken], RIGHT, lambda _: None)


@pytest.mark.parametrize(
    "program",
    [*models("small"), *equation_chains("small"), *kept_by_gradients("small")],
    ids=lambda p: p.name,
)
def test_each_program_is_new_at_every_call_and_scalar(program):
    assert program.make() is not program.make()
    result = jax.eval_shape(program.make(), *program.arguments())
    assert (result.shape, result.dtype) == ((), jnp.float32)
    assert program.source


def test_programs_have_the_same_names_in_both_sizes():
    names = [program.name for program in models("small")]
    assert names == [program.name for program in models("full")]
    assert len(set(names)) == len(names)


def test_chains_have_as_many_equations_as_they_say():
    for program in equation_chains("small"):
        jaxpr = jax.make_jaxpr(program.make())(*program.arguments()).jaxpr
        assert abs(len(jaxpr.eqns) - 1000) <= 1


def test_columns_of_text_line_up():
    columns = [Column("program", lambda r: r["program"]), Column("n", lambda r: r["n"])]
    table = Table(
        "title", columns, [{"program": "a", "n": 1}, {"program": "b", "n": None}]
    )
    assert plain(table).splitlines()[1:] == [
        "title",
        "----------",
        "program  n",
        "----------",
        "a        1",
        "b        -",
    ]


def test_the_command_writes_its_rows_and_says_by_its_status_what_disagreed(
    monkeypatch, tmp_path, capsys
):
    suite = replace(gradients.SUITE, programs=lambda size: [TINY])
    monkeypatch.setitem(SUITES, "gradients", (suite,))
    file = tmp_path / "rows.json"
    arguments = ["gradients", "--subject", "jax", "--json", str(file)]
    assert main(arguments) == 0
    written = json.loads(file.read_text())
    assert written["environment"]["jax"] == jax.__version__
    assert written["suites"]["gradients"]["rows"][0]["program"] == "tiny"
    assert "tiny" in capsys.readouterr().out
    monkeypatch.setattr("benchmarks.command.peer", lambda subject: SCALED)
    assert main(arguments) == 1
    assert "values differ" in capsys.readouterr().err


def test_an_unknown_suite_is_refused():
    with pytest.raises(SystemExit):
        main(["sprints"])


def test_jax_tries_the_instrument_out():
    assert peer("jax").grad is jax.grad


def test_a_device_that_is_not_there_is_one_line_and_a_status(monkeypatch, capsys):
    def absent(platform=None):
        if platform == "gpu":
            raise RuntimeError("Unknown backend: 'gpu' requested\nand more lines")
        return [FakeDevice("cpu")]

    monkeypatch.setattr(jax, "devices", absent)
    assert main(["gradients", "--device", "gpu"]) == 2
    assert capsys.readouterr().err == "no gpu here: JAX finds cpu\n"


@dataclass(frozen=True)
class FakeDevice:
    platform: str
    device_kind: str = "fake"


def test_a_gpu_is_made_the_default_and_measured_at_full_size(monkeypatch, capsys):
    device, sizes = jax.devices("cpu")[1], []
    monkeypatch.setattr(jax, "devices", lambda platform=None: [device])

    def programs(size):
        sizes.append((size, jax.config.jax_default_device))
        return [TINY]

    suite = replace(gradients.SUITE, programs=programs)
    for name in SUITES:
        monkeypatch.setitem(SUITES, name, (suite,) if name == "gradients" else ())
    assert main(["--device", "gpu", "--subject", "jax"]) == 0
    assert sizes == [("full", device)]
    assert "tiny" in capsys.readouterr().out


def test_for_a_tpu_gradients_are_lowered_and_nothing_runs(monkeypatch, capsys):
    suite = replace(lowering.SUITE, programs=lambda size: [TINY])
    monkeypatch.setitem(SUITES, "lowering", (suite,))
    assert main(["--device", "tpu"]) == 0
    out = capsys.readouterr().out
    assert "lowered only" in out
    assert "Compiled gradients" not in out
