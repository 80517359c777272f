"""A publisher's server with faults on demand, and small mirrors in the publishers' layouts."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import tarfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bsm.base.config.data import AcquireSettings
from bsm.base.config.sources import Server


@dataclass
class FaultyServer:
    """Serves ``files`` and, for each request that is not HEAD, the next of ``faults`` (empty: none)."""

    files: dict[str, bytes] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """(method, path, Range header) of every request."""
    headers: list[dict[str, str]] = field(default_factory=list)
    replacements: dict[str, bytes] = field(default_factory=dict)
    """What the fault ``changed`` puts in a file's place."""
    next_pages: dict[str, str] = field(default_factory=dict)
    """Path -> next page of a listing, sent as Link header."""
    n_bytes_sent: int = 0
    bytes_per_second: int = 0
    """Speed of the answers; 0 is as fast as it goes."""
    released: threading.Event = field(default_factory=threading.Event)
    """Ends stalled answers."""
    port: int = 0

    @property
    def netloc(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def servers(self) -> list[Server]:
        return [Server(name="test", address=f"http://{self.netloc}/data", max_per_second=10_000, max_parallel=4)]

    def settings(self, **changes: object) -> AcquireSettings:
        return AcquireSettings(**{"allow_http": [self.netloc], "retries": 3, "timeout_seconds": 2.0, **changes})


_SLOW_BLOCK = 50_000
_SENT_INSTEAD: dict[str, Callable[[bytes], bytes]] = {
    "html": lambda data: b"<!DOCTYPE html><html>Sorry</html>",
    "wrong": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "short": lambda data: data[: len(data) // 2],
}
"""Faults that answer with other bytes and status 200, complete as far as the headers tell."""


def _handler(server: FaultyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(is_head=True)

        def do_GET(self) -> None:
            self._answer(is_head=False)

        def _empty(self, status: int, header: str, value: str) -> None:
            self.send_response(status)
            if value:
                self.send_header(header, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _answer(self, *, is_head: bool) -> None:
            server.requests.append((self.command, self.path, self.headers.get("Range", "")))
            server.headers.append(dict(self.headers))
            fault, _, argument = (server.faults.pop(0) if server.faults and not is_head else "").partition(":")
            if fault.isdigit():
                return self._empty(int(fault), "Retry-After", argument)
            if fault == "redirect":
                return self._empty(302, "Location", argument)
            name = self.path.removeprefix("/data/").partition("?")[0]
            data = server.files.get(name)
            if data is None:
                self.send_error(404)
                return
            if fault == "changed":  # the publisher replaced the file: this and all later answers
                data = server.files[name] = server.replacements[name]
            if fault == "gone":
                self.close_connection = True  # not even a status line
                return
            data = _SENT_INSTEAD.get(fault, lambda data: data)(data)
            self._send(data, fault, argument, is_head)

        def _send(self, data: bytes, fault: str, argument: str, is_head: bool) -> None:
            etag = f'"{hashlib.md5(data).hexdigest()}"'
            start, end = 0, len(data)
            wanted = self.headers.get("Range", "")
            if wanted and fault != "norange" and self.headers.get("If-Range", etag) == etag:
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                start, end = int(first), min(end, int(last) + 1) if last else end
                if start >= len(data):
                    return self._empty(416, "Content-Range", f"bytes */{len(data)}")
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
            else:
                self.send_response(200)
            if next_page := server.next_pages.get(self.path.removeprefix("/data/")):
                self.send_header("Link", f'<http://{server.netloc}/data/{next_page}>; rel="next"')
            self.send_header("ETag", etag)
            self.send_header("Last-Modified", "Tue, 15 Oct 2024 10:00:00 GMT")
            body = data[start:end]
            announced = max(0, len(body) + int(argument)) if fault == "length" else len(body)
            self.send_header("Content-Length", str(announced))
            self.end_headers()
            if is_head:
                return
            body = body[: int(argument)] if argument and fault != "length" else body
            server.n_bytes_sent += len(body)
            if server.bytes_per_second:
                for at in range(0, len(body), _SLOW_BLOCK):
                    self.wfile.write(body[at : at + _SLOW_BLOCK])
                    time.sleep(_SLOW_BLOCK / server.bytes_per_second)
            else:
                self.wfile.write(body)
            if fault == "stall":
                server.released.wait(20)
            self.close_connection = bool(argument)

    return Handler


class _QuietServer(ThreadingHTTPServer):
    """Clients are killed on purpose; a broken pipe is no news."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def faulty_server():
    """A local HTTP server whose faults a test scripts."""
    state = FaultyServer()
    httpd = _QuietServer(("127.0.0.1", 0), _handler(state))
    state.port = httpd.server_address[1]
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield state
    state.released.set()
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def zipped(text: str | bytes) -> bytes:
    return gzip.compress(text.encode() if isinstance(text, str) else text, mtime=0)


class Mirror:
    """Writes the publishers' layouts below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def servers(self) -> str:
        names = ("ncbi", "uniprot", "colabfold", "huggingface", "fitness")
        return json.dumps([{"name": n, "address": f"file:{self.root / n}"} for n in names])

    def write(self, path: str, data: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)
        return target

    def assembly(self, accession: str, files: dict[str, str], name: str = "T1") -> str:
        """An assembly folder with md5checksums.txt; returns its publisher's address."""
        digits = accession[4:13]
        folder = f"genomes/all/{accession[:3]}/{digits[:3]}/{digits[3:6]}/{digits[6:]}/{accession}_{name}"
        lines = []
        for suffix, text in files.items():
            data = zipped(text) if suffix.endswith(".gz") else text.encode()
            self.write(f"ncbi/{folder}/{accession}_{name}_{suffix}", data)
            lines.append(f"{hashlib.md5(data).hexdigest()}  ./{accession}_{name}_{suffix}\n")
        self.write(f"ncbi/{folder}/md5checksums.txt", "".join(lines))
        return f"https://ftp.ncbi.nlm.nih.gov/{folder}"

    def summary(self, database: str, rows: list[dict[str, object]]) -> Path:
        lines = ["##  See the README\n", "#" + "\t".join(SUMMARY_COLUMNS) + "\n"]
        lines += ["\t".join(str(row.get(c, "na")) for c in SUMMARY_COLUMNS) + "\n" for row in rows]
        return self.write(f"ncbi/genomes/ASSEMBLY_REPORTS/assembly_summary_{database}.txt", "".join(lines))

    def release(self, files: dict[str, str], number: int = 1) -> None:
        """A RefSeq release with one division per first word of the file names."""
        self.write("ncbi/refseq/release/RELEASE_NUMBER", f"{number}\n")
        lines = []
        for name, text in files.items():
            data = zipped(text)
            self.write(f"ncbi/refseq/release/{name.split('.')[0]}/{name}", data)
            lines.append(f"{hashlib.md5(data).hexdigest()}\t{name}\n")
        self.write(f"ncbi/refseq/release/release-catalog/release{number}.files.installed", "".join(lines))

    def hub(self, dataset: str, folder: str, files: dict[str, bytes], commit: str = "a" * 40) -> None:
        api = f"huggingface/api/datasets/{dataset}"
        self.write(f"{api}/revision/main", json.dumps({"id": dataset, "sha": commit}))
        listing = [{"type": "directory", "path": folder, "oid": "x", "size": 0}]
        for path, data in files.items():
            self.write(f"huggingface/datasets/{dataset}/resolve/{commit}/{path}", data)
            lfs = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data)}
            listing.append({"type": "file", "path": path, "size": len(data), "lfs": lfs})
        self.write(f"{api}/tree/{commit}/{folder}", json.dumps(listing))

    def tar(self, path: str, members: dict[str, bytes | str]) -> Path:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, data in members.items():
                content = data.encode() if isinstance(data, str) else data
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return self.write(path, buffer.getvalue())


SUMMARY_COLUMNS = [
    "assembly_accession", "bioproject", "biosample", "wgs_master", "refseq_category", "taxid", "species_taxid",
    "organism_name", "infraspecific_name", "isolate", "version_status", "assembly_level", "release_type",
    "genome_rep", "seq_rel_date", "asm_name", "asm_submitter", "gbrs_paired_asm", "paired_asm_comp", "ftp_path",
    "excluded_from_refseq", "relation_to_type_material", "asm_not_live_date", "assembly_type", "group",
    "genome_size", "genome_size_ungapped", "gc_percent", "replicon_count", "scaffold_count", "contig_count",
    "annotation_provider", "annotation_name", "annotation_date", "total_gene_count", "protein_coding_gene_count",
    "non_coding_gene_count", "pubmed_id",
]  # fmt: skip


def summary_row(accession: str, organism: str, taxid: int, ftp_path: str = "", **changes: object) -> dict[str, object]:
    return {
        "assembly_accession": accession, "organism_name": organism, "taxid": taxid, "species_taxid": taxid,
        "version_status": "latest", "seq_rel_date": "2024-01-02", "asm_name": "T1",
        "ftp_path": ftp_path or f"https://ftp.ncbi.nlm.nih.gov/genomes/all/{accession}_T1",
        "annotation_name": f"{accession}-RS_2024_01", "annotation_date": "2024-01-31", **changes,
    }  # fmt: skip


def csv_text(columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue().encode()


@pytest.fixture
def mirror(tmp_path):
    """An empty mirror below the test's folder."""
    return Mirror(tmp_path / "mirror")


@pytest.fixture
def tools():
    """Helpers of this file for tests (test folders are no packages)."""
    return Tools


class Tools:
    zipped = staticmethod(zipped)
    summary_row = staticmethod(summary_row)
    csv_text = staticmethod(csv_text)
