"""One gigabyte through the downloader over loopback, beside curl in the same run.

    python benchmarks/bench_acquire.py [--megabytes 1024] [--repeats 5] [--json FILE]

A server in a process of its own sends one file with sendfile. In turn, so that all see the same machine: curl; our
downloader as it is (sha256 in a thread of its own); with sha256 in line, where the transfer waits for it; and with an
md5 beside it in a second thread, as for publishers who give one. Memory is the resident maximum of the client.
"""

from __future__ import annotations

import argparse
import hashlib
import http.server
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bsm.acquire import verify
from bsm.acquire.fetch import Fetcher
from bsm.base.config.data import AcquireSettings
from bsm.base.config.sources import Server

WAYS = {"curl": 1.0, "ours": 0.7, "ours, in line": 0.4, "ours, md5 too": 0.0}
"""What is measured -> the share of curl's speed that it must reach (0: no demand)."""


def serve(file: Path) -> None:
    """Serve one file forever; the port is the first line of standard output."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(file.stat().st_size))
            self.send_header("ETag", '"one"')
            self.end_headers()
            self.wfile.flush()
            with file.open("rb") as handle:
                self.connection.sendfile(handle)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


class _InLine(verify._Lane):
    """The digest is computed before the next block is taken."""

    def add(self, blocks: list[bytes]) -> None:  # type: ignore[override]
        self._update(blocks)


def download(netloc: str, target: Path, way: str, md5: str, sha256: str) -> None:
    """One download by our code; prints its seconds and the process's maximal resident kilobytes."""
    if way == "ours, in line":
        verify._Lane = _InLine  # type: ignore[misc]
    server = Server(name="here", address=f"http://{netloc}", max_per_second=1000)
    fetcher = Fetcher([server], AcquireSettings(allow_http=[netloc]))
    started = time.perf_counter()
    fetcher.fetch("here", "file", target, md5=md5 if way == "ours, md5 too" else "", sha256=sha256)
    print(json.dumps([time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))


def measure(way: str, netloc: str, target: Path, checksums: list[str]) -> tuple[float, int]:
    """(seconds, resident kilobytes) of one run in a process of its own."""
    target.unlink(missing_ok=True)
    if way == "curl":
        started = time.perf_counter()
        child = subprocess.Popen(["curl", "--silent", "--fail", "--output", str(target), f"http://{netloc}/file"])
        _, status, usage = os.wait4(child.pid, 0)
        assert status == 0, "curl failed"
        return time.perf_counter() - started, usage.ru_maxrss
    command = [sys.executable, __file__, "--download", netloc, str(target), way, *checksums]
    seconds, kilobytes = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return seconds, kilobytes


def table(n_bytes: int, found: dict[str, list[tuple[float, int]]]) -> list[dict[str, object]]:
    """One row per way; the ratio is the median over repeats of the ratio to curl in the same repeat."""
    rows: list[dict[str, object]] = []
    for way, runs in found.items():
        rates = [n_bytes / 1e6 / seconds for seconds, _ in runs]
        ratios = [curl / ours for (curl, _), (ours, _) in zip(found["curl"], runs, strict=True)]
        rows.append({
            "what": way, "n": len(runs), "median_MB_s": round(statistics.median(rates)), "min_MB_s": round(min(rates)),
            "max_MB_s": round(max(rates)), "ratio_to_curl": round(statistics.median(ratios), 2),
            "wanted": WAYS[way], "memory_MB": round(max(kilobytes for _, kilobytes in runs) / 1e3),
        })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the rows here too")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--download", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.serve)
    if args.download:
        netloc, target, way, md5, sha256 = args.download
        return download(netloc, Path(target), way, md5, sha256)
    found: dict[str, list[tuple[float, int]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        file, digests = Path(folder) / "file", [hashlib.md5(), hashlib.sha256()]
        with file.open("wb") as out:
            for _ in range(args.megabytes):
                block = os.urandom(1_000_000)
                out.write(block)
                for digest in digests:
                    digest.update(block)
        command = [sys.executable, __file__, "--serve", str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            netloc = f"127.0.0.1:{server.stdout.readline().strip()}"
            for _ in range(args.repeats):
                for way in WAYS:
                    found[way].append(measure(way, netloc, Path(folder) / "copy", [d.hexdigest() for d in digests]))
            server.terminate()
    rows = table(args.megabytes * 1_000_000, found)
    print("\t".join(rows[0]))
    for row in rows:
        print("\t".join(map(str, row.values())))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
