import os
import subprocess
import sys
from pathlib import Path

import pytest

from vlmeval.errors import ConfigError
from vlmeval.models.packages import check_torchvision, installed, require_transformers, version


@pytest.mark.parametrize("name", ["torch", "transformers"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=r"needs the package \w+: pip install 'vlmeval\[hf\]'"):
        require_transformers()


@pytest.mark.parametrize(
    "failure",
    [
        "raise RuntimeError('operator torchvision::nms does not exist')",
        "raise OSError('libcudart.so.13: cannot open shared object file')",
        "import not_there_at_all",
    ],
)
def test_a_torchvision_built_for_another_torch_is_named(failure: str, tmp_path: Path) -> None:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(failure)
    code = (
        "from vlmeval.errors import ConfigError\n"
        "from vlmeval.models.packages import check_torchvision\n"
        "try:\n"
        "    check_torchvision()\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert "torchvision" in done.stdout, done.stderr
    assert "cannot be imported" in done.stdout
    assert "pip uninstall torchvision" in done.stdout


def test_an_absent_torchvision_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    check_torchvision()


def test_versions_are_read_without_an_import() -> None:
    assert installed("msgspec")
    assert version("msgspec")
    assert version("no-such-distribution") == ""
