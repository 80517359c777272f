"""Seeded sequences of faults, and kills at random moments: the bytes are right, or the message says why not.

A sequence is drawn from a seed: which file (plain, gzip or FASTA; with a published checksum or without), which faults
in which order. Whatever happens, a file under its name is one that the publisher had, nothing is lost that arrived
right, and an error names the address, the reason and the way out.
"""

from __future__ import annotations

import gzip
import hashlib
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from bsm.acquire.fetch import Fetcher
from bsm.acquire.limits import ServerLimits
from bsm.base.errors import DownloadError

N_SEQUENCES = 60
LETTERS = "".join(random.Random(1).choices("ACGT", k=60_000))
FASTA = f">one\n{LETTERS}\n".encode()
CHANGED = f">one\n{LETTERS[::-1]}\n".encode()
VERSIONS = {
    "plain.bin": (random.Random(2).randbytes(150_000), random.Random(3).randbytes(150_001)),
    "records.fasta": (FASTA, CHANGED),
    "records.fasta.gz": (gzip.compress(FASTA, mtime=0), gzip.compress(CHANGED, mtime=0)),
}
PASSING = ["429:1", "429", "500", "503:2", "408", "gone", "norange"]
"""Faults that end when the request is sent again."""


class Sequence(NamedTuple):
    """What a seed stands for."""

    name: str
    has_checksum: bool
    has_size: bool
    faults: list[str]


def sequence_of(seed: int) -> Sequence:
    """A file, what is published about it, and one to five faults (``name`` or ``name:argument``)."""
    rng = random.Random(seed)
    name = rng.choice(sorted(VERSIONS))
    has_checksum, has_size = rng.random() < 0.6, rng.random() < 0.5
    faults = []
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(VERSIONS[name][0]))
        kinds = [*PASSING, f"cut:{at}", f"cut:{at}", f"stall:{at}", f"length:{rng.choice([-at - 1, 7, 1000])}", "html",
                 "wrong", "short", "changed", "404", "redirect-http", "redirect-host", "redirect-page"]  # fmt: skip
        faults.append(rng.choice(kinds))
    return Sequence(name, has_checksum, has_size, faults)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """The rate limit is tested elsewhere; here it would only make the tests slow."""
    monkeypatch.setattr(ServerLimits, "_wait_for_turn", lambda self: None)


def spelled(fault: str, server, name: str) -> str:
    """A redirect with its target: forbidden plain http, another permitted host, or a page that is not there."""
    target = {
        "redirect-http": "redirect:http://elsewhere.example/data/a",
        "redirect-host": f"redirect:http://localhost:{server.port}/data/{name}",
        "redirect-page": f"redirect:http://{server.netloc}/login",
    }
    return target.get(fault, fault)


def settings_of(server):
    allowed = [server.netloc, f"localhost:{server.port}"]
    return server.settings(retries=2, timeout_seconds=0.25, allow_http=allowed)


@pytest.mark.parametrize("seed", range(N_SEQUENCES))
def test_after_any_sequence_of_faults_the_file_is_right_or_the_message_says_why(faulty_server, tmp_path, seed):
    name, has_checksum, has_size, drawn = sequence_of(seed)
    first, second = VERSIONS[name]
    server = faulty_server
    server.files, server.replacements = {name: first}, {name: second}
    faults = [spelled(fault, server, name) for fault in drawn]
    server.faults = list(faults)
    known = {"md5": hashlib.md5(first).hexdigest()} if has_checksum else {}
    known |= {"n_bytes": len(first)} if has_size else {}
    target = tmp_path / name
    for _ in range(4):  # a person runs it again
        fetcher = Fetcher(server.servers, settings_of(server), sleep=lambda seconds: None)
        try:
            fetched = fetcher.fetch("test", name, target, **known)
            break
        except DownloadError as error:
            assert not target.exists(), faults
            assert f"/data/{name}" in error.where and error.what and error.way_out, str(error)
    else:
        # Only a publisher who replaced the file can make it impossible.
        assert "changed" in faults and known, faults
        print(f"seed {seed}: stopped, message named file, reason and way out: {drawn}")
        return
    data = target.read_bytes()
    allowed = {first} if known.keys() & {"md5"} else {first, second}
    if not has_checksum:  # nothing tells one right-looking version from another; a page or a cut gzip is still refused
        allowed |= _undetectable(first, faults, name, has_size) | _undetectable(second, faults, name, has_size)
    assert data in allowed, faults
    assert fetched.sha256 == hashlib.sha256(data).hexdigest() and fetched.n_bytes == len(data)
    assert sorted(p.name for p in tmp_path.iterdir()) == [name]
    print(f"seed {seed}: right bytes after {drawn}")


def _undetectable(data: bytes, faults: list[str], name: str, has_size: bool) -> set[bytes]:
    """Wrong bytes that no one could know to be wrong without a checksum: a consistent answer of another file."""
    if name.endswith(".gz"):
        return set()  # its own check sum tells
    found = {data[:-1] + bytes([data[-1] ^ 1])} if "wrong" in faults else set()
    if not has_size:
        found |= {data[: len(data) // 2]} if "short" in faults else set()
        lengths = [int(f.partition(":")[2]) for f in faults if f.startswith("length:-")]
        found |= {data[: len(data) + change] for change in lengths}
    return found


def test_the_seeds_draw_every_fault_with_and_without_a_published_checksum():
    sequences = [sequence_of(seed) for seed in range(N_SEQUENCES)]
    drawn = {fault.partition(":")[0] for s in sequences for fault in s.faults}
    assert drawn == {*(f.partition(":")[0] for f in PASSING), "cut", "stall", "length", "html", "wrong", "short",
                     "changed", "404", "redirect-http", "redirect-host", "redirect-page"}  # fmt: skip
    assert sum(s.has_checksum for s in sequences) >= 25  # there nothing but the one right file is accepted
    assert {s.name for s in sequences} == VERSIONS.keys()


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (["html"] * 2, "HTML page"), (["wrong"] * 2, "md5"), (["short"] * 2, "md5"),
        (["404"], "HTTP 404"), (["redirect-http"], "plain http is refused"),
        (["stall:10"] * 9, "gave up after 3 attempts"), (["cut:0"] * 9, "gave up after 3 attempts"),
        (["429:1"] * 9, "HTTP 429"), (["500"] * 9, "HTTP 500"), (["redirect-host"] * 12, "redirects"),
    ],
)  # fmt: skip
def test_each_fault_that_stays_is_named_with_file_reason_and_way_out(faulty_server, tmp_path, faults, message):
    data = VERSIONS["records.fasta"][0]
    faulty_server.files = {"records.fasta": data}
    faulty_server.faults = [spelled(fault, faulty_server, "records.fasta") for fault in faults]
    fetcher = Fetcher(faulty_server.servers, settings_of(faulty_server), sleep=lambda seconds: None)
    with pytest.raises(DownloadError) as found:
        fetcher.fetch("test", "records.fasta", tmp_path / "x", md5=hashlib.md5(data).hexdigest())
    error = found.value
    assert message in str(error) and error.way_out
    assert "/data/" in error.where and not (tmp_path / "x").exists()


def test_credentials_stay_with_their_host(faulty_server, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    faulty_server.files = {"f": b"data"}
    [server] = faulty_server.servers
    hub = server.model_copy(update={"name": "huggingface"})
    settings = faulty_server.settings(allow_http=["127.0.0.1", "localhost"])
    Fetcher([hub], settings).fetch("huggingface", "f", tmp_path / "x")
    assert faulty_server.headers[-1]["Authorization"] == "Bearer secret"
    faulty_server.faults = [f"redirect:http://localhost:{faulty_server.port}/data/f"]
    Fetcher([hub], settings).fetch("huggingface", "f", tmp_path / "y")
    assert "Authorization" in faulty_server.headers[-2] and "Authorization" not in faulty_server.headers[-1]
    Fetcher([server], settings).fetch("test", "f", tmp_path / "z")
    assert "Authorization" not in faulty_server.headers[-1]


_CHILD = """
import sys
from pathlib import Path
from typing import NamedTuple
from bsm.acquire.fetch import Fetcher
from bsm.base.config.data import AcquireSettings
from bsm.base.config.sources import Server
netloc, target, md5 = sys.argv[1:]
servers = [Server(name="test", address=f"http://{netloc}/data", max_per_second=1000)]
Fetcher(servers, AcquireSettings(allow_http=[netloc])).fetch("test", "big", Path(target), md5=md5)
"""


def _run(server, target: Path, md5: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _CHILD, server.netloc, str(target), md5], stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_twenty_kills_at_random_moments_cost_no_byte_that_was_written(faulty_server, tmp_path):
    """One download, killed 20 times: each time the next run asks for the first byte that is not on disk."""
    data = random.Random(7).randbytes(40_000_000)
    md5 = hashlib.md5(data).hexdigest()
    faulty_server.files = {"big": data}
    faulty_server.bytes_per_second = 20_000_000
    target, part = tmp_path / "big", tmp_path / "big.part"
    rng = random.Random(11)
    n_kills, sizes = 0, []
    while n_kills < 20:
        before = part.stat().st_size if part.exists() else 0
        child = _run(faulty_server, target, md5)
        goal = before + rng.randrange(1, 1_900_000)
        deadline = time.monotonic() + 20
        while child.poll() is None and time.monotonic() < deadline:
            if part.exists() and part.stat().st_size >= goal:
                break
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert not target.exists(), "the transfer ended before the twentieth kill"
        sizes.append(part.stat().st_size)
        n_kills += 1
    assert _run(faulty_server, target, md5).wait() == 0
    assert target.read_bytes() == data and sorted(p.name for p in tmp_path.iterdir()) == ["big"]
    starts = [int(r[2].removeprefix("bytes=").rstrip("-") or 0) for r in faulty_server.requests]
    assert starts == [0, *sizes]  # every run went on exactly where the killed one had written to
    assert sizes == sorted(sizes) and sizes[0] > 0
