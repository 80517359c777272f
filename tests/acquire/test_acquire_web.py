"""FineWeb-Edu by columns and ranges: what is kept equals the publisher's columns of the documents that can hold a
sequence, and little else is transferred."""

from __future__ import annotations

import hashlib
import io
import json
import random

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from bsm.acquire.fetch import Fetcher
from bsm.acquire.limits import ServerLimits
from bsm.acquire.web_columns import RemoteFile
from bsm.base.config.data import AcquireSettings
from bsm.base.errors import DownloadError
from bsm.base.filelist import read_file_list
from bsm.cli import main

DATASET = "HuggingFaceFW/fineweb-edu"
COMMIT = "c" * 40
KEPT = ["text", "id", "dump", "url"]
ROWS_PER_GROUP = 200


def documents(seed: int, n: int = 1000, *, with_date: bool = True) -> bytes:
    """A Parquet file in the layout of FineWeb-Edu, with a bulky column that is not wanted."""
    rng = random.Random(seed)
    words = ["gene", "protein", "ACGTACGTACGTAAA", "the", "of", "sequence"]
    columns = {
        "text": [" ".join(rng.choices(words, k=rng.randrange(5, 60))) for _ in range(n)],
        "id": [f"<urn:uuid:{seed}-{i}>" for i in range(n)], "dump": ["CC-MAIN-2024-10"] * n,
        "url": [f"https://example.org/{i}" for i in range(n)],
        "file_path": [rng.randbytes(600).hex() for _ in range(n)], "language_score": [rng.random() for _ in range(n)],
        "score": [rng.random() for _ in range(n)],
    }  # fmt: skip
    if with_date:
        columns["date"] = ["2024-01-01"] * n
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, row_group_size=ROWS_PER_GROUP, compression="snappy")
    return out.getvalue()


FILES = {"sample/10BT/000_00000.parquet": documents(1), "sample/10BT/001_00000.parquet": documents(2, with_date=False)}


@pytest.fixture
def acquire(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ServerLimits, "_wait_for_turn", lambda self: None)

    def acquire(servers, out="raw", lock="", all_documents=False, **settings):
        source = {"name": "web", "kind": "fineweb_edu", "folders": ["sample/10BT"], "all_documents": all_documents}
        arguments = ["--source", json.dumps(source), "--servers", servers, "--settings", json.dumps(settings)]
        return main(["acquire", *arguments, "--lock", lock, "--out", str(tmp_path / out)]), tmp_path / out

    return acquire


def whole(data: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(data), columns=KEPT)


def expected(data: bytes) -> pa.Table:
    return whole(data).filter(pc.match_substring(whole(data)["text"], "ACGTACGTACGTAAA"))


def noted(path) -> tuple[int, int]:
    metadata = pq.read_metadata(path).metadata
    return int(metadata[b"n_documents_seen"]), int(metadata[b"n_characters_seen"])


def test_the_kept_rows_equal_the_publishers_and_the_file_tells_what_was_seen(acquire, mirror):
    mirror.hub(DATASET, "sample/10BT", FILES | {"sample/10BT/README.md": b"text"}, commit=COMMIT)
    code, folder = acquire(mirror.servers)
    assert code == 0
    listed = read_file_list(folder)
    assert [(f.role, f.path, f.version) for f in listed] == [("web_parquet", name, COMMIT) for name in FILES]
    for file, data in zip(listed, FILES.values(), strict=True):
        kept = pq.ParquetFile(folder / file.path)
        assert kept.schema_arrow.names == KEPT
        assert kept.read().equals(expected(data)) and 500 < kept.metadata.num_rows < 1000
        assert noted(folder / file.path) == (1000, sum(map(len, whole(data)["text"].to_pylist())))
        assert file.n_bytes < len(data) / 3
        assert file.sha256 == hashlib.sha256((folder / file.path).read_bytes()).hexdigest()


def test_all_documents_are_kept_where_the_source_asks_for_them(acquire, mirror):
    mirror.hub(DATASET, "sample/10BT", FILES, commit=COMMIT)
    assert acquire(mirror.servers)[0] == 0
    code, folder = acquire(mirror.servers, all_documents=True)  # into the same folder: the files are made anew
    assert code == 0
    for name, data in FILES.items():
        assert pq.read_table(folder / name).equals(whole(data)) and noted(folder / name)[0] == 1000


def test_a_file_of_which_nothing_is_kept_still_tells_what_was_seen(acquire, mirror):
    out = io.BytesIO()
    pq.write_table(pa.table({"text": ["plain", "words", None], "id": ["a", "b", "c"]}), out)
    mirror.hub(DATASET, "sample/10BT", {"sample/10BT/000_00000.parquet": out.getvalue()}, commit=COMMIT)
    code, folder = acquire(mirror.servers)
    assert code == 0
    kept = folder / "sample/10BT/000_00000.parquet"
    assert pq.read_table(kept).num_rows == 0 and noted(kept) == (3, 10)


def served(faulty_server, mirror):
    """The mirror's files behind the server, which counts bytes and requests."""
    mirror.hub(DATASET, "sample/10BT", FILES, commit=COMMIT)
    root = mirror.root / "huggingface"
    faulty_server.files = {
        str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()
    }  # fmt: skip
    return json.dumps([{"name": "huggingface", "address": f"http://{faulty_server.netloc}/data"}])


def test_only_the_needed_ranges_are_transferred(acquire, faulty_server, mirror):
    servers = served(faulty_server, mirror)
    code, folder = acquire(servers, allow_http=[faulty_server.netloc])
    assert code == 0
    n_bytes = sum(map(len, FILES.values()))
    assert n_bytes > 2_000_000
    # The test's files are so small that the tail (footer) holds a row group or two; the rest is columns only.
    assert faulty_server.n_bytes_sent < 2 * (1 << 20) + n_bytes / 3
    ranges = [r for _, path, r in faulty_server.requests if "/resolve/" in path]
    assert ranges and all(r.startswith("bytes=") and not r.endswith("-") for r in ranges)
    for name, data in FILES.items():
        assert pq.read_table(folder / name).equals(expected(data))


def test_a_stopped_run_goes_on_with_the_next_file_and_a_later_one_fetches_nothing(acquire, faulty_server, mirror):
    servers = served(faulty_server, mirror)
    second = next(p for p in faulty_server.files if p.endswith("001_00000.parquet"))
    whole = faulty_server.files.pop(second)
    settings = {"allow_http": [faulty_server.netloc], "retries": 0}
    code, folder = acquire(servers, **settings)
    assert code == 1 and not (folder / "files.csv").exists()
    first = folder / next(iter(FILES))
    assert first.exists() and not list(folder.rglob("*.part"))
    stale = first.with_name(".001_00000.parquet.99999.part")  # what a killed run leaves
    stale.write_bytes(b"half")
    faulty_server.files[second] = whole
    faulty_server.requests.clear()
    assert acquire(servers, **settings)[0] == 0
    assert not [path for _, path, _ in faulty_server.requests if "000_00000.parquet" in path]
    assert not stale.exists()
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    faulty_server.requests.clear()
    assert acquire(servers, **settings)[0] == 0
    assert not [path for _, path, _ in faulty_server.requests if "/resolve/" in path]
    assert before == {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_passing_faults_change_nothing(acquire, faulty_server, mirror):
    servers = served(faulty_server, mirror)
    faulty_server.faults = ["", "", "500", "cut:1000", "429:0", "", "cut:0", "503:0", "", "norange"]
    code, folder = acquire(servers, allow_http=[faulty_server.netloc], retries=3)
    if code:  # a server that stops giving ranges is an error; what is there is kept
        code, folder = acquire(servers, allow_http=[faulty_server.netloc], retries=3)
    assert code == 0
    for name, data in FILES.items():
        assert pq.read_table(folder / name).equals(expected(data))


def test_a_file_that_changes_between_two_ranges_is_refused(faulty_server):
    old, new = documents(5), documents(6)
    faulty_server.files = {"f": old}
    settings = AcquireSettings(allow_http=[faulty_server.netloc], retries=0)
    fetcher = Fetcher(faulty_server.servers, settings, lambda seconds: None)
    remote = RemoteFile(fetcher, "test", "f", len(old))
    remote.seek(10)
    assert remote.read(100) == old[10:110]
    faulty_server.files = {"f": new}
    remote.seek(10)
    with pytest.raises(DownloadError, match="changed while it was read"):
        remote.read(100)
    with pytest.raises(DownloadError, match="bytes instead of"):
        RemoteFile(fetcher, "test", "f", len(new) + 1)


def test_the_lock_holds_the_listings_checksum(acquire, mirror, tmp_path, capsys):
    mirror.hub(DATASET, "sample/10BT", FILES, commit=COMMIT)
    lock = str(tmp_path / "lock.json")
    assert acquire(mirror.servers, lock=lock)[0] == 0
    fragment = json.loads((tmp_path / "lock/web.all.json").read_text())
    assert fragment["resolved"] == {"commit": COMMIT}
    for name, data in FILES.items():
        entry = fragment["files"][name]
        assert (entry["sha256"], entry["n_bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    changed = FILES | {"sample/10BT/000_00000.parquet": documents(9)}
    mirror.hub(DATASET, "sample/10BT", changed, commit=COMMIT)
    assert acquire(mirror.servers, out="again", lock=lock)[0] == 1
    assert "publisher's sha256 changed since the lock" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"PAR1 not really PAR1", "not a readable Parquet file"), (documents(3)[:-200], "not a readable Parquet file")],
)
def test_what_is_no_parquet_file_is_named(acquire, mirror, capsys, data, message):
    mirror.hub(DATASET, "sample/10BT", {"sample/10BT/000_00000.parquet": data}, commit=COMMIT)
    code, folder = acquire(mirror.servers)
    assert code == 1 and message in capsys.readouterr().err
    assert not list(folder.rglob("*.parquet"))


def test_a_file_without_texts_is_named(acquire, mirror, capsys):
    out = io.BytesIO()
    pq.write_table(pa.table({"id": ["a"], "content": ["b"]}), out)
    mirror.hub(DATASET, "sample/10BT", {"sample/10BT/000_00000.parquet": out.getvalue()}, commit=COMMIT)
    assert acquire(mirror.servers)[0] == 1
    assert "no column text" in capsys.readouterr().err
