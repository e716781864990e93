"""What docs/stablehlo.md shows of irad-opt is what it prints."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.cli.commands import Shell

PAGE = (Path(__file__).parents[2] / "docs" / "stablehlo.md").read_text()
(MODULE,) = re.findall(r"```mlir\n(.*?)```", PAGE, re.DOTALL)
SHOWN = re.findall(r"```console\n\$ (.*?)\n(.*?)```", PAGE, re.DOTALL)
BAD = "func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> "
BAD += "{ return %y : tensor<3xf32> }\n"


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize(("command", "printed"), SHOWN, ids=["grad", "run", "error"])
def test_a_command_prints_what_is_shown(
    command, printed, monkeypatch, capfdbinary, tmp_path
):
    monkeypatch.chdir(tmp_path)
    Path("loss.mlir").write_text(MODULE)
    Path("bad.mlir").write_text(BAD)
    np.save("w.npy", np.array([[1, 2, 3], [0, 0, 1]], np.float32) / 4)
    np.save("x.npy", np.array([1, 0, 2], np.float32))
    name, *arguments = shlex.split(command)
    found = Shell(monkeypatch, capfdbinary)(name, arguments)
    assert found.text + found.err == printed
