"""A pytest plugin that runs a suite on another library's derivative functions.

Modules of the suite see ``jax`` through a namespace in which ``jax.grad`` and its nine
siblings are the other library's. The swap sits in the ``__import__`` that those modules
execute, so JAX itself, and the library that stands in for it, keep the originals. The
file imports nothing of this repository: the suite under test may own ``tests`` too.

Read from the environment: ``PARITY_FUNCTIONS``, the module that offers the functions;
``PARITY_PATHS`` and ``PARITY_PACKAGES``, which modules are swapped, both separated by
``os.pathsep``; ``PARITY_RECORD``, the file that gets one JSON line per event.
"""

import builtins
import functools
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import pytest

NAMES = (
    "grad",
    "value_and_grad",
    "jvp",
    "vjp",
    "linearize",
    "linear_transpose",
    "jacfwd",
    "jacrev",
    "jacobian",
    "hessian",
)

calls = 0


def counted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, counting its calls, so that a test which uses none shows."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        global calls
        calls += 1
        return function(*args, **kwargs)

    return call


class Namespace(ModuleType):
    """A module with some of its attributes replaced; all else is the module's own."""

    def __init__(self, module: ModuleType, replaced: Mapping[str, object]) -> None:
        super().__init__(module.__name__)
        own = {k: v for k, v in vars(module).items() if k.startswith("__")}
        self.__dict__.update(own, _module=module, **replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_module"], name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.__dict__["_module"], name, value)


def namespaces(functions: ModuleType) -> dict[str, Namespace]:
    """The modules that hold the derivative functions, with the replacements inside."""
    replaced = {name: counted(getattr(functions, name)) for name in NAMES}
    api = Namespace(importlib.import_module("jax._src.api"), replaced)
    source = Namespace(importlib.import_module("jax._src"), {"api": api})
    top = Namespace(jax, {**replaced, "_src": source})
    return {"jax": top, "jax._src": source, "jax._src.api": api}


class SwappingLoader(importlib.abc.Loader):
    """A loader that gives the module an ``__import__`` of ours before it runs."""

    def __init__(self, loader: Any, module_builtins: dict[str, Any]) -> None:
        self.loader = loader
        self.module_builtins = module_builtins

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = self.module_builtins
        self.loader.exec_module(module)


class SwappingFinder(importlib.abc.MetaPathFinder):
    """Finds what the other finders find, and swaps inside the modules under test."""

    def __init__(
        self, paths: Sequence[Path], packages: Sequence[str], replaced: dict[str, Any]
    ) -> None:
        self.paths = paths
        self.packages = packages
        self.module_builtins = {**vars(builtins), "__import__": importer(replaced)}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None and self.swaps(spec):
            spec.loader = SwappingLoader(spec.loader, self.module_builtins)
        return spec

    def swaps(self, spec: importlib.machinery.ModuleSpec) -> bool:
        """Whether this module is part of what is tested."""
        if spec.name.partition(".")[0] in self.packages:
            return True
        if spec.origin is None or not spec.has_location:
            return False
        origin = Path(spec.origin).resolve()
        return any(origin == path or path in origin.parents for path in self.paths)


def importer(replaced: Mapping[str, ModuleType]) -> Callable[..., ModuleType]:
    """``__import__``, answering with the replacement of a module where there is one."""

    def import_(name: str, *rest: Any, **kwargs: Any) -> ModuleType:
        module = builtins.__import__(name, *rest, **kwargs)
        return replaced.get(getattr(module, "__name__", ""), module)

    return import_


def record(event: Mapping[str, object]) -> None:
    """Appends one line, at once: a run that crashes must leave what it got to."""
    with Path(os.environ["PARITY_RECORD"]).open("a") as file:
        file.write(json.dumps(event) + "\n")


def split(variable: str) -> list[str]:
    """The non-empty entries of a list held in the environment."""
    return [entry for entry in os.environ[variable].split(os.pathsep) if entry]


def pytest_configure(config: pytest.Config) -> None:
    """Puts the swap in place before the first module of the suite is imported."""
    replaced = namespaces(importlib.import_module(os.environ["PARITY_FUNCTIONS"]))
    # check_grads takes jvp and vjp from the api module when it is called.
    checks = importlib.import_module("jax._src.public_test_util")
    checks.__dict__["api"] = replaced["jax._src.api"]
    paths = [Path(entry).resolve() for entry in split("PARITY_PATHS")]
    finder = SwappingFinder(paths, split("PARITY_PACKAGES"), dict(replaced))
    sys.meta_path.insert(0, finder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Notes how many derivative functions the test called."""
    before = calls
    record({"id": item.nodeid, "outcome": "started"})
    try:
        yield
    finally:
        item.user_properties.append(("derivatives", calls - before))


def message(report: Any) -> str:
    """What went wrong, and the end of the traceback that says where."""
    crash = getattr(report.longrepr, "reprcrash", None)
    head = crash.message if crash else ""
    return f"{head[:1500]}\n...\n{str(report.longrepr)[-2500:]}"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Records the outcome of a phase; a phase that merely set up says nothing."""
    if report.when != "call" and report.outcome == "passed":
        return
    event = {
        "id": report.nodeid,
        "outcome": report.outcome,
        "message": message(report) if report.failed else "",
        "derivatives": dict(report.user_properties).get("derivatives", 0),
    }
    record(event)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Records a module that could not be collected as one failed test."""
    if report.failed:
        text = message(report)
        record({"id": report.nodeid, "outcome": "failed", "message": text})
