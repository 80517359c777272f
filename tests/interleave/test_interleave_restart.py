"""Killed with SIGKILL at random moments and started again: the same bytes, with one worker and with two."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bsm.base.filelist import RawFile, write_file_list

SOURCE = json.dumps({"kind": "fineweb_edu", "name": "web", "folders": ["x"], "licence": "odc"})
N_FILES, N_KILLS = 8, 3
OUTPUTS = ("found.parquet", "corpus.parquet", "counts.csv")


def make_documents(folder) -> None:
    """Eight files (so eight pieces), each some tenths of a second of work."""
    rng = random.Random(3)
    folder.mkdir()
    rows = []
    for number in range(N_FILES):
        documents = []
        for index in range(150):
            parts = ["".join(rng.choices("ACGT", k=rng.randint(20, 400))) for _ in range(rng.randrange(12))]
            text = "\n\n".join(f"{' '.join(['some words'] * rng.randrange(99))}: {part}, he said." for part in parts)
            documents.append({"id": f"{number}.{index}", "text": text, "dump": "d", "url": "u"})
        pq.write_table(pa.Table.from_pylist(documents), folder / f"{number:03d}.parquet", row_group_size=50)
        rows.append(RawFile("web_parquet", f"{number:03d}.parquet", "", "v", 0, "", "", "odc"))
    write_file_list(folder / "files.csv", rows)


def start(raw, folder, n_workers: int, stderr: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    options = [text for name in OUTPUTS for text in (f"--{name.split('.')[0]}", str(folder / name))]
    command = ["interleave", "--source", SOURCE, "--raw", str(raw), *options, "--workers", str(n_workers)]
    return subprocess.Popen([sys.executable, "-m", "bsm", *command], stderr=stderr, start_new_session=True)


def outputs(folder) -> list[bytes]:
    assert sorted(path.name for path in folder.iterdir() if not path.name.endswith(".part")) == sorted(OUTPUTS)
    return [(folder / name).read_bytes() for name in OUTPUTS]


def n_finished(folder) -> int:
    return len(list(folder.glob(".found.parquet.state/*/*.parquet")))


def kill_at(process: subprocess.Popen[bytes], folder, n_pieces: int, delay_s: float) -> bool:
    """Kill the run and its workers once so many pieces are finished and a moment has passed; False if it had ended."""
    while n_finished(folder) < n_pieces and process.poll() is None:
        time.sleep(0.005)
    time.sleep(delay_s)
    was_running = process.poll() is None
    os.killpg(process.pid, signal.SIGKILL) if was_running else None
    process.wait()
    return was_running


def worker_at_work(parent: int) -> int:
    """The descendant of a process that has used most processor time."""
    stats = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rsplit(")", 1)[1].split()
            stats[int(path.parent.name)] = (int(fields[1]), int(fields[11]))
    descendants = {parent}
    for _ in range(4):
        descendants |= {pid for pid, (above, _) in stats.items() if above in descendants}
    return max(descendants - {parent}, key=lambda pid: stats[pid][1])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the worker in /proc")
def test_a_killed_worker_ends_the_run_with_an_error_and_a_restart_goes_on(tmp_path):
    make_documents(tmp_path / "raw")
    folder = tmp_path / "killed"
    folder.mkdir()
    process = start(tmp_path / "raw", folder, 2, stderr=subprocess.PIPE)
    while n_finished(folder) < 1:
        time.sleep(0.005)
    os.kill(worker_at_work(process.pid), signal.SIGKILL)
    message = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1 and "a worker was killed" in message and "finished pieces are kept" in message
    assert n_finished(folder) >= 1 and not (folder / "found.parquet").exists()
    assert start(tmp_path / "raw", folder, 2).wait() == 0
    assert len(outputs(folder)) == 3


@pytest.mark.slow
def test_killed_at_random_and_restarted_the_bytes_are_the_same(tmp_path):
    make_documents(tmp_path / "raw")
    (tmp_path / "whole").mkdir()
    assert start(tmp_path / "raw", tmp_path / "whole", 1).wait() == 0
    whole = outputs(tmp_path / "whole")
    rng = random.Random(11)
    for n_workers in (1, 2):
        folder = tmp_path / f"killed{n_workers}"
        folder.mkdir()
        n_killed = 0
        for _ in range(N_KILLS):
            at = min(n_finished(folder) + rng.randint(0, 2), N_FILES - 1)
            n_killed += kill_at(start(tmp_path / "raw", folder, n_workers), folder, at, rng.random() / 10)
        assert n_killed == N_KILLS and not (folder / "found.parquet").exists()
        assert start(tmp_path / "raw", folder, n_workers).wait() == 0
        assert outputs(folder) == whole
