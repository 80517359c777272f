"""UniProt FASTA files, verified against RELEASE.metalink (UniProt's README and metalink)."""

from __future__ import annotations

from bsm.acquire.checksums import parse_metalink
from bsm.acquire.part import Part, Wanted
from bsm.acquire.registry import path_of
from bsm.base.config.sources import Uniprot
from bsm.base.errors import DownloadError

DATASETS = {
    "swissprot": ("uniprot_knowledgebase", "uniprot_sprot.fasta.gz"),
    "trembl": ("uniprot_knowledgebase", "uniprot_trembl.fasta.gz"),
    "uniref50": ("uniref50", "uniref50.fasta.gz"),
}


def acquire_uniprot(part: Part, source: Uniprot) -> None:
    """Fetch the data sets of the current release; another one that is asked for is an error.

    UniProt overwrites ``current_release`` every eight weeks and keeps older releases only as one archive each.
    """
    wanted_release = source.release or part.lock.resolved.get("release")
    releases: set[str] = set()
    wanted: list[Wanted] = []
    for dataset in source.datasets:
        registered, name = DATASETS[dataset]
        path = path_of(registered, name="RELEASE.metalink")
        url = part.fetcher.url("uniprot", path)
        release, files = parse_metalink(part.fetcher.read_text("uniprot", path), url)
        if name not in files:
            raise DownloadError(f"{name} is not in the release", where=url, way_out="Check the server's address")
        if wanted_release and release != wanted_release:
            raise DownloadError(
                f"release {wanted_release} is no longer current, the server has {release}", where=url,
                way_out="Take the current one (release: null, --update-lock), or unpack the archive below "
                "previous_releases/ and use it as a local_fasta source",
            )  # fmt: skip
        releases.add(release)
        file = files[name]
        wanted.append(Wanted(path_of(registered, name=name), name, "protein_fasta", md5=file.md5, n_bytes=file.n_bytes))
    if len(releases) > 1:
        raise DownloadError("the data sets are of different releases", where=part.fetcher.url("uniprot", ""),
                            value=sorted(releases), way_out="The server is being updated; try again later")  # fmt: skip
    [release] = releases
    part.fetch("uniprot", wanted, f"release {release}")
    part.finish({"release": release})
