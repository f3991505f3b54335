"""Other revisions of the package, for measuring beside this one."""

import subprocess
import sys
from pathlib import Path

from scripts.contracts.sources import ROOT


def checked_out(revision: str) -> Path:
    """Return a folder with a revision of git and its built kernels, kept under build/against."""
    asked = ["git", "rev-parse", "--short", revision]
    named = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    folder = ROOT / "build" / "against" / named
    if not folder.exists():
        subprocess.run(["git", "worktree", "add", "-q", "--detach", folder, named], cwd=ROOT, check=True)
        build = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
        subprocess.run(build, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder
