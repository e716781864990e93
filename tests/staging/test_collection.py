"""The garbage collector while a derivative is made: rare, and afterwards as before."""

from __future__ import annotations

import gc

import pytest

import irad
from irad.collection import YOUNG


@pytest.fixture(params=[(700, 10, 10), (0, 5, 5), (1 << 20, 2, 2)], ids=str)
def threshold(request):
    before = gc.get_threshold()
    gc.set_threshold(*request.param)
    yield request.param
    gc.set_threshold(*before)


def test_the_users_function_runs_while_the_collector_is_rare(threshold):
    seen = []

    def f(x):
        seen.append(gc.get_threshold())
        return irad.grad(lambda y: y * y)(x) * x

    irad.grad(f)(2.0)
    young = threshold[0]
    assert seen == [(max(young, YOUNG) if young else 0, *threshold[1:])]
    assert gc.get_threshold() == threshold


def test_an_error_leaves_the_collector_as_it_was(threshold):
    with pytest.raises(ZeroDivisionError):
        irad.grad(lambda x: x * (1 // 0))(2.0)
    assert gc.get_threshold() == threshold
