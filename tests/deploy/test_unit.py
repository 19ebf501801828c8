"""What operators install: systemd accepts the unit and finds it tight, and every name is real."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from p2pchat import bootstrap
from p2pchat.config import RelayLimits
from p2pchat.monitoring.metrics import Metrics
from tests.unit.monitoring.relays import MAILBOXES, status

EXPOSURE_MAX = 20
"""Tenths; systemd calls what is below "OK", and most services have 90."""
PROGRAM = ".venv/bin/python -m p2pchat.bootstrap "
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here"
)


@pytest.fixture
def root():
    """The repository."""
    return Path(__file__).parents[2]


@pytest.fixture
def unit(root, tmp_path):
    """The unit, with an interpreter that exists."""
    text = (root / "deploy/dchat-relay.service").read_text()
    copy = tmp_path / "dchat-relay.service"
    copy.write_text(text.replace("/opt/dchat/.venv/bin/python", sys.executable))
    return copy


def analyzed(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *map(str, words)], capture_output=True, text=True, check=False
    )


@needs_systemd
def test_systemd_accepts_the_unit(unit):
    done = analyzed("verify", unit)
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_systemd_finds_a_mistake_in_it(unit):
    unit.write_text(unit.read_text().replace("NoNewPrivileges=yes", "NoNewPrivileges=perhaps"))
    assert "perhaps" in analyzed("verify", unit).stderr


@needs_systemd
def test_the_unit_leaves_a_relay_little_to_do_harm_with(unit):
    done = analyzed("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", unit)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze judges no files")
    assert done.returncode == 0, done.stdout


def started_with(text: str) -> list[str]:
    """The words after the program, where a unit or image starts it."""
    if "ENTRYPOINT" in text:
        text = " ".join(re.findall(r'"([^"]+)"', text.partition("ENTRYPOINT")[2]))
    [line] = [line for line in text.splitlines() if PROGRAM in line]
    return shlex.split(line.partition(PROGRAM)[2])


@pytest.mark.parametrize("file", ["deploy/dchat-relay.service", "deploy/Dockerfile"])
def test_the_program_understands_how_it_is_started(root, file):
    context = get_command(bootstrap.app).make_context(
        "relay", started_with((root / file).read_text())
    )
    assert str(context.params["home"]) == "/var/lib/dchat-relay"
    assert (context.params["metrics"], context.params["log_format"]) == ("9464", "json")


def test_what_the_image_copies_is_not_left_out(root):
    copied = re.findall(
        r"^COPY (?!--)(.+) \S+$", (root / "deploy/Dockerfile").read_text(), re.MULTILINE
    )
    let_in = (root / "deploy/Dockerfile.dockerignore").read_text().splitlines()
    for name in " ".join(copied).split():
        assert (root / name).exists()
        assert f"!{name}" in let_in


@pytest.mark.parametrize("file", ["deploy/dchat-relay.rules.yml", "docs/operate-a-relay.md"])
def test_alerts_and_graphs_name_metrics_that_exist(root, file):
    shown = Metrics(lambda: status(mailboxes=MAILBOXES), RelayLimits()).page().body.decode()
    text = (root / file).read_text()
    named = set(re.findall(r"\b(?:dchat_relay|process)_[a-z_]+", text))
    assert len(named) > 5
    assert named - set(re.findall(r"^# TYPE (\S+)", shown, re.MULTILINE)) == set()
    for name, reason in re.findall(r'(\w+)\{reason="(\w+)"\}', text):
        assert f'{name}{{reason="{reason}"}}' in shown
