"""A minute of random calls of the kernel under gcc's sanitizers, here because networks leave a core idle."""

import subprocess
import sys

import pytest
from scripts.contracts.sources import ROOT
from scripts.stress.sanitize import build

SECONDS = 60


@pytest.mark.skipif(bool(build.missing()), reason=build.missing())
def test_no_call_of_the_kernel_harms_memory_or_has_undefined_behaviour() -> None:
    command = [sys.executable, "-m", "scripts.stress.sanitize", "--seconds", str(SECONDS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
