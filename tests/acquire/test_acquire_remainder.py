"""Gene packages and E-utilities: what a release lacks is asked for politely, checked, and each record found once."""

from __future__ import annotations

import csv
import gzip
import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from Bio import SeqIO
from Bio.Seq import Seq

from bsm.acquire.credentials import eutils_fields, with_etiquette
from bsm.acquire.eutils import RECORDS_PER_QUERY, Eutils
from bsm.acquire.fetch import Fetcher
from bsm.acquire.gene_package import package_records
from bsm.acquire.limits import ServerLimits
from bsm.base.config.data import AcquireSettings
from bsm.base.config.sources import Server
from bsm.base.errors import DownloadError
from bsm.base.gene2accession import COLUMNS
from bsm.cli import main

RECORDS = {f"BC{i:06}.1": "ACGT" * (i % 7 + 1) for i in range(450)} | {"AAA001.1": "MKV"}
CHROMOSOME = "ACGTTGCAAC" * 50


class Ncbi:
    """efetch and gene packages as NCBI answers them, with odd answers on demand."""

    def __init__(self) -> None:
        self.queries: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.odd: list[str] = []
        self.left_out: set[str] = set()
        """Accessions that a reply with others silently lacks."""
        self.package = b""
        self.n_packages = 0

    def efetch(self, query: dict[str, str]) -> str:
        if self.odd:
            return self.odd.pop(0)
        if "seq_start" in query:
            first, last = int(query["seq_start"]), int(query["seq_stop"])
            letters = CHROMOSOME[first - 1 : last] if query["id"] == "CP1.1" else ""
            return f">CP1.1:{first}-{last} a chromosome\n{letters}\n" if letters else "Failed to retrieve sequence\n"
        asked = query["id"].split(",")
        lacking = self.left_out if len(asked) > 1 else set()
        found = [f">{a} some record\n{RECORDS[a]}\n\n" for a in asked if a in RECORDS and a not in lacking]
        return "".join(found) or "Error: CEFetchPApplication::proxy_stream(): Failed to understand id: " + asked[0]


@pytest.fixture
def ncbi(monkeypatch):
    state = Ncbi()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def _send(self, data: bytes) -> None:
            state.headers.append(dict(self.headers))
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def do_GET(self) -> None:
            state.n_packages += 1
            self._send(state.package)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            state.queries.append({key: values[0] for key, values in parse_qs(body).items()})
            self._send(state.efetch(state.queries[-1]).encode())

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    state.address = f"http://127.0.0.1:{httpd.server_address[1]}"
    state.netloc = state.address.removeprefix("http://")
    monkeypatch.setattr(ServerLimits, "_wait_for_turn", lambda self: None)
    yield state
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture
def fetcher(ncbi):
    servers = [Server(name=name, address=ncbi.address) for name in ("eutils", "datasets")]
    return Fetcher(
        servers, AcquireSettings(allow_http=[ncbi.netloc], contact="someone@example.org"), lambda seconds: None
    )


def test_accessions_are_asked_for_two_hundred_at_a_time_with_tool_email_and_key(ncbi, fetcher, monkeypatch):
    monkeypatch.setenv("NCBI_API_KEY", "k3y")
    names = [name for name in RECORDS if name.startswith("BC")]
    found = list(Eutils(fetcher).records("rna", names))
    assert [(r.name, r.sequence) for r in found] == [(name, RECORDS[name]) for name in names]
    assert [len(q["id"].split(",")) for q in ncbi.queries] == [RECORDS_PER_QUERY, RECORDS_PER_QUERY, 50]
    for query in ncbi.queries:
        assert (query["tool"], query["email"], query["api_key"]) == ("bsm-pipeline", "someone@example.org", "k3y")
        assert (query["db"], query["rettype"], query["retmode"]) == ("nuccore", "fasta", "text")


def test_fewer_records_than_asked_for_are_asked_for_alone(ncbi, fetcher):
    ncbi.left_out = {"BC000003.1"}
    names = ["BC000001.1", "BC000003.1", "BC999999.9"]
    assert [r.name for r in Eutils(fetcher).records("rna", names)] == ["BC000001.1", "BC000003.1"]
    assert [q["id"] for q in ncbi.queries] == [",".join(names), "BC000003.1", "BC999999.9"]


def test_an_error_with_status_200_is_asked_again_and_then_named(ncbi, fetcher):
    page = "<html><body>Bad gateway</body></html>"
    xml = '<?xml version="1.0"?><eFetchResult><ERROR>Unable to obtain query #1</ERROR></eFetchResult>'
    ncbi.odd = [xml]
    assert [r.name for r in Eutils(fetcher).records("protein", ["AAA001.1"])] == ["AAA001.1"]
    assert ncbi.queries[0]["db"] == "protein"
    ncbi.odd = [xml] * 3
    with pytest.raises(DownloadError, match="not FASTA although the status was 200"):
        list(Eutils(fetcher).records("protein", ["AAA001.1"]))
    ncbi.odd = [page]
    assert len(list(Eutils(fetcher).records("protein", ["AAA001.1"]))) == 1


def test_a_span_of_a_chromosome_is_cut_at_the_server(ncbi, fetcher):
    client = Eutils(fetcher)
    assert client.span("CP1.1", 10, 35) == CHROMOSOME[10:35]
    assert (ncbi.queries[0]["seq_start"], ncbi.queries[0]["seq_stop"], ncbi.queries[0]["strand"]) == ("11", "35", "1")
    assert client.span("CP1.1", 480, 505) is None  # the record ends at 500
    assert client.span("CP2.1", 0, 10) is None


def test_limits_are_the_publishers_whatever_the_config_says(monkeypatch):
    monkeypatch.delenv("NCBI_API_KEY", raising=False)
    fast = {name: Server(name=name, address="https://x.example", max_per_second=50) for name in ("eutils", "datasets")}
    assert {name: with_etiquette(s).max_per_second for name, s in fast.items()} == {"eutils": 3.0, "datasets": 5.0}
    slow = Server(name="eutils", address="https://x.example", max_per_second=1)
    assert with_etiquette(slow).max_per_second == 1.0
    monkeypatch.setenv("NCBI_API_KEY", "k")
    assert {name: with_etiquette(s).max_per_second for name, s in fast.items()} == {"eutils": 10.0, "datasets": 10.0}
    assert eutils_fields("c@d.e", {"NCBI_EMAIL": "a@b.c"}) == {"tool": "bsm-pipeline", "email": "a@b.c"}


def package(members: dict[str, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("README.md", "read me")
        for name, text in members.items():
            archive.writestr(f"ncbi_dataset/data/{name}", text)
    return data.getvalue()


def test_a_real_gene_package_gives_slices_of_the_plus_strand(ncbi, fetcher, shared_data, tmp_path, monkeypatch):
    monkeypatch.setenv("NCBI_API_KEY", "k3y")
    path = shared_data("ncbi/gene_package_INS") / "gene.fna"
    ncbi.package = package({"gene.fna": path.read_text(), "rna.fna": ""})
    found = {name: letters for _, name, _, letters in package_records(fetcher, [3630], tmp_path)}
    records = {r.id: r.seq for r in SeqIO.parse(path, "fasta")}
    assert len(found) == len(records) == 8
    assert found["NC_000011.10:2159778-2161209"] == str(records["NC_000011.10:c2161209-2159779"].reverse_complement())
    assert found["NC_052268.1:123487432-123488843"] == str(records["NC_052268.1:123487433-123488843"])
    assert list(tmp_path.iterdir()) == [] and ncbi.headers[-1]["api-key"] == "k3y"


def test_a_damaged_package_is_an_error(ncbi, fetcher, tmp_path):
    ncbi.package = package({"rna.fna": ">NM_1.1\n" + "ACGT" * 50})[:-30]
    with pytest.raises(DownloadError, match="not a gene package"):
        list(package_records(fetcher, [1], tmp_path))


def row(taxid, gene, rna="-", protein="-", genomic="-", start="-", end="-"):
    values = {
        "tax_id": taxid, "GeneID": gene, "RNA_nucleotide_accession.version": rna, "orientation": "+",
        "protein_accession.version": protein, "genomic_nucleotide_accession.version": genomic,
        "start_position_on_the_genomic_accession": start, "end_position_on_the_genomic_accession": end,
    }  # fmt: skip
    return "\t".join(str(values.get(column, "-")) for column in COLUMNS) + "\n"


ROWS = [
    row(7, 1, "NM_1.1", "NP_1.1", "NC_1.1", 10, 99),
    row(7, 1, "NM_2.1", "NP_9.1", "NC_2.1", 4, 7),  # not in the release, in the gene's package
    row(7, 1, "BC000001.1", "AAA001.1", "CP1.1", 20, 39),
    row(7, 1, "BC999999.9", "-", "CP2.1"),
]


def test_a_gene_source_takes_release_then_packages_then_efetch(ncbi, mirror, tools, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    mirror.release({
        "fungi.1.1.genomic.fna.gz": f">NC_1.1\n{'ACGTA' * 40}\n", "fungi.1.rna.fna.gz": ">NM_1.1\nACGT\n",
        "fungi.1.protein.faa.gz": ">NP_1.1\nMAAA\n",
    })  # fmt: skip
    mirror.write("ncbi/gene/DATA/gene2accession.gz", tools.zipped("#" + "\t".join(COLUMNS) + "\n" + "".join(ROWS)))
    ncbi.package = package({"gene.fna": ">NC_2.1:c8-5 X\nAACC\n", "rna.fna": ">NM_2.1 x\nGGTT\n>NM_7.1\nA\n"})
    servers = [*json.loads(mirror.servers), {"name": "eutils", "address": ncbi.address},
               {"name": "datasets", "address": ncbi.address}]  # fmt: skip
    source = {"name": "gene", "kind": "ncbi_gene", "divisions": ["fungi"]}

    settings = json.dumps({"allow_http": [ncbi.netloc], "contact": "a@b.c", "retries": 0})

    def acquire(out):
        arguments = ["--source", json.dumps(source), "--servers", json.dumps(servers), "--settings", settings]
        return main(["acquire", *arguments, "--lock", "", "--out", out])

    assert acquire("raw") == 0, capsys.readouterr().err
    text = {name: gzip.decompress((tmp_path / "raw" / name).read_bytes()).decode() for name in
            ("genomic.fna.gz", "rna.fna.gz", "protein.faa.gz")}  # fmt: skip
    records = {name: {r.id: str(r.seq) for r in SeqIO.parse(io.StringIO(t), "fasta")} for name, t in text.items()}
    assert records["rna.fna.gz"] == {"NM_1.1": "ACGT", "NM_2.1": "GGTT", "BC000001.1": RECORDS["BC000001.1"]}
    assert records["protein.faa.gz"] == {"NP_1.1": "MAAA", "AAA001.1": "MKV"}
    assert records["genomic.fna.gz"] == {
        "NC_1.1:10-100": ("ACGTA" * 40)[10:100], "NC_2.1:4-8": str(Seq("AACC").reverse_complement()),
        "CP1.1:20-40": CHROMOSOME[20:40],
    }  # fmt: skip
    with open(tmp_path / "raw/unresolved.csv", newline="") as handle:
        assert [tuple(r.values()) for r in csv.DictReader(handle)] == [
            ("genomic", "CP2.1", "", "", "insdc_genomic_without_span"), ("protein", "NP_9.1", "", "", "not_at_ncbi"),
            ("rna", "BC999999.9", "", "", "not_at_ncbi"),
        ]  # fmt: skip
    n_queries = len(ncbi.queries)
    ncbi.odd = [""] * 2 + ["<html>"] * 9  # the second run stops in the middle
    assert acquire("again") == 1
    ncbi.odd = []
    n_packages = ncbi.n_packages
    assert acquire("again") == 0 and ncbi.n_packages == n_packages  # the package's extract was kept
    again = {name: (tmp_path / "again" / name).read_bytes() for name in text}
    assert again == {name: (tmp_path / "raw" / name).read_bytes() for name in text}
    assert len(ncbi.queries) > n_queries
