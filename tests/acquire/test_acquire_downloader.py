"""The downloader: never a wrong file accepted, never a right one lost, no byte fetched twice without need."""

from __future__ import annotations

import gzip
import hashlib
import random
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from bsm.acquire.fetch import Fetcher
from bsm.acquire.limits import ServerLimits
from bsm.base.config.data import AcquireSettings
from bsm.base.config.sources import Server
from bsm.base.errors import ConfigError, DownloadError

DATA = random.Random(1).randbytes(300_000)
MD5, SHA256 = hashlib.md5(DATA).hexdigest(), hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def server(faulty_server):
    faulty_server.files = {"a/file.bin": DATA, "a/file.gz": gzip.compress(b"letters" * 1000, mtime=0)}
    return faulty_server


def fetcher_of(server, waits=None, **settings):
    return Fetcher(server.servers, server.settings(**settings), sleep=(waits if waits is not None else []).append)


def leftovers(folder):
    return sorted(p.name for p in folder.iterdir())


def test_fetches_verifies_and_leaves_only_the_file(server, tmp_path):
    fetched = fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x", md5=MD5, sha256=SHA256, n_bytes=len(DATA))
    assert (tmp_path / "x").read_bytes() == DATA
    assert (fetched.md5, fetched.sha256, fetched.n_bytes) == (MD5, SHA256, len(DATA))
    assert leftovers(tmp_path) == ["x"]


def test_says_who_it_is(server, tmp_path):
    fetcher_of(server, contact="someone@example.org").fetch("test", "a/file.bin", tmp_path / "x")
    agent = server.headers[-1]["User-Agent"]
    assert agent.startswith("bsm-pipeline/") and "someone@example.org" in agent


def test_resumes_after_a_cut_and_fetches_no_byte_twice(server, tmp_path):
    server.faults = ["cut:100000", "cut:50000"]
    fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x", md5=MD5)
    assert (tmp_path / "x").read_bytes() == DATA
    assert server.n_bytes_sent == len(DATA)
    assert [r[2] for r in server.requests] == ["", "bytes=100000-", "bytes=150000-"]


def test_a_later_run_resumes_what_a_failed_one_kept(server, tmp_path):
    server.faults = ["cut:120000", "500", "500", "500", "500"]
    with pytest.raises(DownloadError, match="gave up after 4 attempts"):
        fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x", md5=MD5)
    assert not (tmp_path / "x").exists() and (tmp_path / "x.part").stat().st_size == 120_000
    server.faults = []
    fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x", md5=MD5)
    assert (tmp_path / "x").read_bytes() == DATA and server.n_bytes_sent == len(DATA)


def test_a_complete_part_is_taken_without_fetching_again(server, tmp_path):
    (tmp_path / "x.part").write_bytes(DATA)
    url = f"http://{server.netloc}/data/a/file.bin"
    (tmp_path / "x.part.json").write_text(f'{{"url": "{url}", "validator": "", "total": {len(DATA)}}}')
    fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x", md5=MD5)
    assert (tmp_path / "x").read_bytes() == DATA and server.n_bytes_sent == 0


def test_a_file_that_changed_between_two_runs_is_fetched_whole(server, tmp_path):
    server.faults = ["cut:100000", "500", "500", "500", "500"]
    with pytest.raises(DownloadError):
        fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x")
    changed = DATA[::-1]
    server.files["a/file.bin"], server.faults = changed, []
    fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == changed


def test_a_server_without_ranges_still_gives_the_right_file(server, tmp_path):
    server.faults = ["cut:100000", "norange"]
    fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x", md5=MD5)
    assert (tmp_path / "x").read_bytes() == DATA


def test_waits_as_long_as_the_server_asks(server, tmp_path):
    waits: list[float] = []
    server.faults = ["429:7", "503"]
    fetcher_of(server, waits).fetch("test", "a/file.bin", tmp_path / "x", md5=MD5)
    waits = [w for w in waits if w > 0.01]  # the rate limit's own pauses are shorter
    assert waits[0] == 7.0 and 2.0 <= waits[1] <= 4.0


def test_wrong_bytes_are_fetched_once_more(server, tmp_path):
    server.faults = ["wrong"]
    fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x", md5=MD5)
    assert (tmp_path / "x").read_bytes() == DATA


@pytest.mark.parametrize("promise", [{"md5": "0" * 32}, {"sha256": "0" * 64}, {"n_bytes": 5}])
def test_a_file_that_is_not_the_promised_one_is_refused(server, tmp_path, promise):
    with pytest.raises(DownloadError, match="not the right file"):
        fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x", **promise)
    assert leftovers(tmp_path) == []


def test_a_page_instead_of_the_file_is_refused(server, tmp_path):
    server.faults = ["html", "html"]
    with pytest.raises(DownloadError, match="HTML page"):
        fetcher_of(server).fetch("test", "a/file.gz", tmp_path / "x.gz")
    assert leftovers(tmp_path) == []


def test_a_truncated_gzip_without_published_checksum_is_refused(server, tmp_path):
    server.files["a/file.gz"] = server.files["a/file.gz"][:-6]
    with pytest.raises(DownloadError, match="truncated"):
        fetcher_of(server).fetch("test", "a/file.gz", tmp_path / "x.gz")


def test_a_missing_file_is_named_at_once(server, tmp_path):
    with pytest.raises(DownloadError, match=r"/data/a/other: HTTP 404"):
        fetcher_of(server).fetch("test", "a/other", tmp_path / "x")
    assert len(server.requests) == 1


def test_plain_http_needs_permission_also_after_a_redirect(server, tmp_path):
    with pytest.raises(DownloadError, match="plain http is refused"):
        fetcher_of(server, allow_http=[]).fetch("test", "a/file.bin", tmp_path / "x")
    server.faults = [f"redirect:http://localhost:{server.port}/data/a/file.bin"]
    with pytest.raises(DownloadError, match="plain http is refused"):
        fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x")


def test_a_right_file_is_not_fetched_again(server, tmp_path):
    fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x", md5=MD5)
    server.requests.clear()
    fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x", md5=MD5)
    assert server.requests == []
    fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x")
    assert [method for method, _, _ in server.requests] == ["HEAD"]


def test_a_damaged_file_is_fetched_again(server, tmp_path):
    fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x", md5=MD5)
    (tmp_path / "x").write_bytes(DATA[:-1])
    fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x", md5=MD5)
    assert (tmp_path / "x").read_bytes() == DATA


def test_two_processes_share_one_download(server, tmp_path):
    threads = [
        threading.Thread(target=lambda: fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x", md5=MD5))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "x").read_bytes() == DATA and server.n_bytes_sent == len(DATA)


def test_a_full_disk_is_seen_before_the_transfer(server, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(DownloadError, match="not enough disk"):
        fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_folder_is_read_like_a_server(tmp_path):
    (tmp_path / "m" / "a").mkdir(parents=True)
    (tmp_path / "m" / "a" / "f").write_bytes(DATA)
    fetcher = Fetcher([Server(name="m", address=f"file:{tmp_path}/m")], AcquireSettings())
    assert fetcher.fetch("m", "a/f", tmp_path / "x", md5=MD5).sha256 == SHA256
    assert fetcher.read_text("m", "a/f?recursive=true").encode("utf-8", "replace")
    with pytest.raises(DownloadError, match="leaves the mirror"):
        fetcher.read_text("m", "a/../../secret")
    with pytest.raises(DownloadError, match="not the right file"):
        fetcher.fetch("m", "a/f", tmp_path / "y", md5="0" * 32)
    with pytest.raises(ConfigError, match="no server of this name"):
        fetcher.fetch("other", "a/f", tmp_path / "y")


def test_the_rate_is_held_across_fetchers(tmp_path):
    server = Server(name="s", address="https://example.org", max_per_second=2.0, max_parallel=1)
    waits: list[float] = []
    for _ in range(3):
        with ServerLimits(server, waits.append, tmp_path).transfer():
            pass
    assert len(waits) == 2 and 0.3 < waits[0] <= 0.5 and 0.8 < waits[1] <= 1.0


_CHILD = """
import sys
from pathlib import Path
from bsm.acquire.fetch import Fetcher
from bsm.base.config.data import AcquireSettings
from bsm.base.config.sources import Server
netloc, target, md5 = sys.argv[1:]
servers = [Server(name="test", address=f"http://{netloc}/data")]
Fetcher(servers, AcquireSettings(allow_http=[netloc])).fetch("test", "a/file.bin", Path(target), md5=md5)
"""


@pytest.mark.parametrize("n_bytes", [1, 100_000, 299_999])
def test_a_killed_download_goes_on_where_it_was(server, tmp_path, n_bytes):
    server.faults = [f"stall:{n_bytes}"]
    target = tmp_path / "x"
    child = subprocess.Popen([sys.executable, "-c", _CHILD, server.netloc, str(target), MD5], stderr=subprocess.DEVNULL)
    part = tmp_path / "x.part"
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size == n_bytes) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not target.exists() and part.stat().st_size == n_bytes
    fetcher_of(server).fetch("test", "a/file.bin", target, md5=MD5)
    assert target.read_bytes() == DATA and server.n_bytes_sent == len(DATA)


def test_a_stalled_transfer_is_taken_up_again(server, tmp_path):
    server.faults = ["stall:70000"]
    fetcher_of(server, timeout_seconds=0.3).fetch("test", "a/file.bin", tmp_path / "x", md5=MD5)
    assert (tmp_path / "x").read_bytes() == DATA and server.n_bytes_sent == len(DATA)


def test_a_part_longer_than_the_file_is_thrown_away(server, tmp_path):
    (tmp_path / "x.part").write_bytes(DATA + b"more")
    url = f"http://{server.netloc}/data/a/file.bin"
    (tmp_path / "x.part.json").write_text(f'{{"url": "{url}", "validator": "", "total": 1}}')
    fetcher_of(server).fetch("test", "a/file.bin", tmp_path / "x", md5=MD5)
    assert (tmp_path / "x").read_bytes() == DATA


def test_stopping_ends_a_transfer_and_keeps_what_arrived(server, tmp_path):
    fetcher = fetcher_of(server)
    fetcher.stop()
    with pytest.raises(DownloadError, match="stopped"):
        fetcher.fetch("test", "a/file.bin", tmp_path / "x", md5=MD5)
    assert not (tmp_path / "x").exists()


def test_a_listing_in_pages_is_read_to_the_end(server):
    server.files |= {"tree": b"[1, 2]", "tree2": b"[3]"}
    server.next_pages = {"tree": "tree2?cursor=x"}
    assert fetcher_of(server).read_json("test", "tree") == [1, 2, 3]


def test_a_listing_that_is_a_page_for_people_is_tried_again_and_then_named(server):
    server.files["tree"] = b"[1]"
    server.faults = ["html"]
    assert fetcher_of(server).read_json("test", "tree") == [1]
    server.faults = ["html"] * 4
    with pytest.raises(DownloadError, match=r"/data/tree: gave up after 4 attempts: an HTML page"):
        fetcher_of(server).read_json("test", "tree")
