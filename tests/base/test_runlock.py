"""A killed run leaves lock files behind; a live one keeps its own."""

from __future__ import annotations

import subprocess
import sys

from bsm.base.runlock import hold_directory

HOLD = "import sys, time, pathlib; from bsm.base.runlock import hold_directory as h; k = h(pathlib.Path(sys.argv[1]))"


def locks(state):
    folder = state / "locks"
    folder.mkdir(parents=True)
    (folder / "0.input.lock").touch()
    return folder / "0.input.lock"


def test_lock_files_of_a_killed_run_are_removed(tmp_path, capsys):
    lock = locks(tmp_path)
    holder = subprocess.Popen([sys.executable, "-c", f"{HOLD}; time.sleep(60)", str(tmp_path)])
    holder.kill()
    holder.wait()
    handle = hold_directory(tmp_path)
    assert handle and not lock.exists()
    assert "taken up where it stopped" in capsys.readouterr().err
    handle.close()


def test_lock_files_of_a_live_run_stay(tmp_path):
    handle = hold_directory(tmp_path)
    lock = locks(tmp_path)
    code = f"{HOLD}; sys.exit(0 if k is None else 1)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 0
    assert handle and lock.exists()
    handle.close()


def test_a_run_without_lock_files_says_nothing(tmp_path, capsys):
    handle = hold_directory(tmp_path / "new")
    assert handle and not capsys.readouterr().err
    handle.close()
