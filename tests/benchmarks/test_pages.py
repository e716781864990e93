"""Recorded runs: what a file keeps, and the page that is made of it."""

from __future__ import annotations

import json

import pytest

from benchmarks import pages, records
from benchmarks.command import main
from benchmarks.harness.axes import ticks
from benchmarks.harness.contests import Contest, counted, inverse
from benchmarks.reasons import REASONS, UNKNOWN, reason
from benchmarks.suites import SUITES
from irad._compat import scientific

SIDE = {
    "flops": 100,
    "bytes": 400,
    "temp_bytes": 64,
    "hlo_instructions": 7,
    "uncounted": [],
}


def a_row(program, *, low=0.9, flops=100, temp_bytes=64):
    """A row of ``gradients`` that is as good as JAX's but for what is said."""
    return {
        "program": program,
        "source": "here",
        "ours": {**SIDE, "flops": flops, "temp_bytes": temp_bytes},
        "jax": SIDE,
        "flops_ratio": flops / 100,
        "same_program": False,
        "median_s": {"ours": 1.234567e-3, "jax": 1e-3},
        "samples_s": {"ours": [1.0, 2.0], "jax": [1.0, 2.0]},
        "time_ratio": {"median": 1.5, "low": low, "high": 2.0},
        "numerical": None,
        "numerical_ratio": None,
    }


def a_record(*rows, size="full"):
    environment = {
        "date": "2030-01-02T03:04:05+00:00",
        "processor": "Intel(R) Xeon(R) CPU @ 2.00GHz",
        "cores": 2,
        "load": [0.3],
        "size": size,
    }
    suite = {"title": "t", "rows": list(rows), "errors": []}
    return {
        "environment": environment,
        "suites": {"gradients": suite},
        "load_at_the_end": [0.1],
    }


def test_a_file_has_its_machine_day_and_size_in_its_name_and_a_line_for_each_row():
    record = a_record(a_row("a"), a_row("b"))
    path = records.path_of(record["environment"])
    assert path.name == "intel-xeon-2-cores-2030-01-02-full.json"
    text = records.written(record)
    kept = json.loads(text)
    row = kept["suites"]["gradients"]["rows"][1]
    assert "samples_s" not in row
    assert row["median_s"] == {"ours": 1.235e-3, "jax": 1e-3}
    assert len([line for line in text.splitlines() if '"program"' in line]) == 2
    assert kept["environment"] == record["environment"]


def test_the_newest_run_of_full_size_is_quoted(tmp_path):
    full, small = a_record(), a_record(size="small")
    small["environment"]["date"] = "2031-01-01T00:00:00+00:00"
    for record in (full, small):
        records.path_of(record["environment"], tmp_path).write_text(
            records.written(record)
        )
    assert records.newest(tmp_path) == records.path_of(full["environment"], tmp_path)
    with pytest.raises(FileNotFoundError, match="--record"):
        records.newest(tmp_path / "none")


@pytest.mark.parametrize(
    ("row", "lost"),
    [
        (a_row("equal"), {}),
        (a_row("slow", low=1.01), {"time": "1.50 [1.01, 2.00]"}),
        (a_row("more", flops=101), {"flops": "1.01"}),
        (a_row("large", temp_bytes=65), {"temporaries": "1.016"}),
        (a_row("less", flops=99, temp_bytes=1), {}),
        ({**a_row("same", low=1.01), "same_program": True}, {}),
    ],
    ids=lambda value: value.get("program"),
)
def test_what_another_side_has_less_of_is_lost(row, lost):
    found = list(pages.losses(a_record(row)))
    assert {what: ratio for *_, what, ratio, _ in found} == lost


def test_something_beside_nothing_is_lost():
    assert Contest("x", None, {"flops": (2000, 0)}).lost() == {"flops": "2k over none"}
    assert Contest("x", None, counted(SIDE, SIDE)).lost() == {}


def test_operations_that_cannot_be_counted_are_not_compared():
    unknown = {**SIDE, "flops": 1, "temp_bytes": 1, "uncounted": ["while"]}
    assert counted(SIDE, unknown) == {"temporaries": (64, 1)}


def test_a_ratio_is_turned_with_its_ends():
    turned = inverse({"median": 2.0, "low": 1.0, "high": 4.0})
    assert turned == {"median": 0.5, "low": 0.25, "high": 1.0}


def test_a_loss_without_a_reason_says_so():
    assert reason("gradients", "a", "jax.grad", "time") == UNKNOWN
    assert reason("memory", "a", "policy: nothing", "temporaries") != UNKNOWN


def test_every_reason_is_of_suites_that_there_are():
    names = {suite.name for group in SUITES.values() for suite in group}
    assert {suite for row in REASONS for suite in row.suites} <= names


def test_the_page_has_each_suite_what_failed_what_was_wrong_and_what_is_lost():
    failed = {"program": "c", "source": "here", "failed": "irad: NoRuleError: x"}
    record = a_record(a_row("a | b", low=1.2), failed)
    record["suites"]["gradients"]["errors"] = ["gradients: d: values differ"]
    record["suites"]["a suite that was removed"] = {"rows": [], "errors": []}
    text = pages.page(record, {"gradients": "pictures/gradients.svg"})
    assert "## gradients\n" in text
    assert "![gradients](pictures/gradients.svg)" in text
    assert "- c: failed: irad: NoRuleError: x" in text
    assert "- **wrong values, no row**: gradients: d: values differ" in text
    lost = text[text.index("## Where irad loses") :]
    cells = "gradients | a \\| b | jax.grad | time | 1.50 [1.20, 2.00]"
    assert f"| {cells} | {UNKNOWN} |" in lost
    assert "Nowhere in this run." in pages.page(a_record(a_row("a")))


def test_the_page_says_first_what_a_run_cannot_tell():
    busy = a_record(a_row("a"))
    busy["environment"]["load"] = [2.5]
    quiet, small = a_record(a_row("a")), a_record(a_row("a"), size="small")
    for record, said in ((busy, True), (quiet, False)):
        assert ("Others used this machine" in pages.page(record)) is said
    for record, said in ((small, True), (quiet, False)):
        assert ("A run of small size" in pages.page(record)) is said


def test_rendering_writes_the_page_and_says_where_pictures_are_missing(
    monkeypatch, tmp_path, capsys
):
    def absent():
        raise ImportError("plotting needs matplotlib")

    monkeypatch.setattr(scientific, "pyplot", absent)
    run, page = tmp_path / "run.json", tmp_path / "page.md"
    run.write_text(records.written(a_record(a_row("a", low=1.1))))
    assert main(["render", str(run), "--page", str(page)]) == 0
    assert "| a | 100 |" in page.read_text()
    said = capsys.readouterr()
    assert "no pictures: plotting needs matplotlib" in said.err
    assert "1 figures are lost" in said.out


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0.45, 2.2, [0.5, 0.7, 1, 2]),
        (0.3, 20.0, [0.5, 1, 2, 5, 10, 20]),
        (0.02, 150.0, [0.1, 1, 10, 100]),
        (9.0, 2e5, [10, 100, 1000, 10_000, 100_000]),
    ],
)
def test_ticks_are_round_numbers_and_few(low, high, found):
    assert ticks(low, high) == found
