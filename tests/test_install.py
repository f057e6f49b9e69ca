"""Where a full Triton is looked for, and what is said when it does not fit; the bundled one is tested by running it."""

import os
import sys
from pathlib import Path

import pytest

from program.cli import UserError
from serve import install

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def triton(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory laid out as NVIDIA's container has it, its program in PATH through a link."""
    program = tmp_path / "opt" / "tritonserver" / "bin" / "tritonserver"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tritonserver").symlink_to(program)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return program.parents[1]


def python_backend(triton: Path, version: str) -> None:
    stub = triton / "backends" / "python" / "triton_python_backend_stub"
    stub.parent.mkdir(parents=True)
    stub.write_bytes(b"\x7fELF\0libc.so.6\0libpython" + version.encode() + b".so.1.0\0")


def test_native(triton, tmp_path):
    python_backend(triton, OWN)
    found = install.native(tmp_path)
    assert found.binary.resolve() == triton / "bin" / "tritonserver"
    assert found.backend_directory == triton / "backends"
    # Python models import this environment's packages.
    assert found.env["PATH"].split(":")[0] == str(Path(sys.executable).parent)


def test_only_libpython_comes_before_the_libraries_of_the_packages(triton, tmp_path):
    python_backend(triton, OWN)
    # The directory where libpython is installed may hold another cuDNN than PyTorch's own.
    for env in (install.native(tmp_path / "native").env, install.pytriton_environment(tmp_path / "home")):
        first = Path(env["LD_LIBRARY_PATH"].split(":")[0])
        assert [path.name for path in first.iterdir()] == [f"libpython{OWN}.so.1.0"]


def test_native_without_the_python_backend(triton):
    (triton / "backends").mkdir()
    assert install.require_native()[1] == triton / "backends"


def test_native_that_is_not_there(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match=r"^server: native, but tritonserver is not in PATH\. Hint: "):
        install.require_native()


def test_native_without_backends(triton):
    with pytest.raises(UserError, match=r"tritonserver has no backends in .*/opt/tritonserver/backends\. Hint: "):
        install.require_native()


def test_native_for_another_python(triton):
    python_backend(triton, "3.9")
    with pytest.raises(UserError, match=rf"tritonserver is for Python 3\.9, this is {OWN}\. Hint: .* make PYTHON=3\.9"):
        install.require_native()
