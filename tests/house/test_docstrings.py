"""What the public docstrings show is what runs."""

from __future__ import annotations

import doctest

import pytest

import irad

FUNCTIONS = sorted(
    name for name in irad.__all__ if not isinstance(getattr(irad, name), type)
)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_examples_run_and_print_what_they_say(name):
    fun = getattr(irad, name)
    finder = doctest.DocTestFinder(recurse=False)
    (found,) = finder.find(fun, name, globs={})
    if name != "clear_caches":
        assert found.examples, f"irad.{name} has no worked example"
    results = doctest.DocTestRunner().run(found)
    assert results.failed == 0


@pytest.mark.parametrize("name", irad.stablehlo.__all__)
def test_examples_of_modules_run_and_print_what_they_say(name):
    finder = doctest.DocTestFinder(recurse=False)
    (found,) = finder.find(getattr(irad.stablehlo, name), name, globs={})
    assert doctest.DocTestRunner().run(found).failed == 0


def test_every_public_class_says_what_it_is():
    for name in irad.__all__:
        assert getattr(irad, name).__doc__, name
