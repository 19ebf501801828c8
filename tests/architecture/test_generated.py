"""Generated files are those that `make proto` generates."""

from __future__ import annotations

import subprocess
import sys


def test_protobuf_modules_are_up_to_date(root, tracked, tmp_path):
    schemas = [str(root / file.path) for file in tracked if file.path.endswith(".proto")]
    subprocess.run(
        [
            sys.executable,
            *("-m", "grpc_tools.protoc", f"--proto_path={root / 'p2pchat/wire'}"),
            *(f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"),
            *schemas,
        ],
        check=True,
    )
    generated = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    committed = {
        file.path.rpartition("/")[2]: file.raw for file in tracked if "_pb2.py" in file.path
    }
    assert generated == committed, "run `make proto` and commit what it writes"
