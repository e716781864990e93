"""The command line: ``irad-opt`` on modules, ``irad`` on functions and modules.

It is built with click, which is imported when a command runs: ``pip install
'irad[cli]'``.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys


def irad() -> int:
    """Runs ``irad``; gives the exit status."""
    return _run("irad", "irad.cli.reporting")


def opt() -> int:
    """Runs ``irad-opt``; gives the exit status."""
    return _run("irad-opt", "irad.cli.rewriting")


def _run(name: str, module: str) -> int:
    if importlib.util.find_spec("click") is None:
        needs = "needs click, which is not installed: pip install 'irad[cli]'"
        print(f"{name}: error: the command line {needs}", file=sys.stderr)
        return 1
    return importlib.import_module(module).main(name)
