"""The miniature's FineWeb-Edu: English pages with sequences, plain pages, and pages full of look-alikes.

Columns and types are the published ones; the truth says where every planted sequence stands.
"""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bsm.base.alphabet import Modality
from bsm.base.randomness import generator, stable_hash64, unit_interval
from bsm.miniature.hub import write_hub_dataset
from bsm.miniature.model import Gene, PlantedRecord, World
from bsm.miniature.web_english import BIOLOGY, any_topic, paragraph, title
from bsm.miniature.web_layouts import Shown, lay_out, showable
from bsm.miniature.web_look_alikes import look_alike

DATASET = "HuggingFaceFW/fineweb-edu"
FOLDER = "sample/10BT"
SCHEMA = pa.schema([
    ("text", pa.string()), ("id", pa.string()), ("dump", pa.string()), ("url", pa.string()), ("date", pa.string()),
    ("file_path", pa.string()), ("language", pa.string()), ("language_score", pa.float64()),
    ("token_count", pa.int64()), ("score", pa.float64()), ("int_score", pa.int64()),
])  # fmt: skip
"""Columns of FineWeb-Edu, of its newer files (older ones lack ``date``)."""
_N_FILES = 2
_ROW_GROUP_DOCUMENTS = 200
_DUMPS = ("CC-MAIN-2021-43", "CC-MAIN-2023-06", "CC-MAIN-2024-10")
_SITES = ("notes.example.org", "garden.example.com", "teaching.example.edu", "wiki.example.net", "lab.example.edu")
_N_SEQUENCES = (1, 2, 3, 4, 5, 6)
_N_SEQUENCES_SHARES = (0.05, 0.10, 0.35, 0.20, 0.10, 0.20)
_MAX_SHOWN_NT = 700


@dataclass(frozen=True)
class Span:
    """A planted stretch of a page: characters [start, end) of its text."""

    start: int
    end: int
    modality: str | None
    sequence: str | None
    kind: str
    layout: str


@dataclass(frozen=True)
class Page:
    document_id: str
    text: str
    spans: tuple[Span, ...] = ()


class _PageText:
    """A page under construction: text is appended, spans are kept."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self.spans: list[Span] = []

    def add(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)

    def add_span(self, text: str, modality: str | None, sequence: str | None, kind: str, layout: str) -> None:
        self.spans.append(Span(self._length, self._length + len(text), modality, sequence, kind, layout))
        self.add(text)

    def page(self, document_id: str) -> Page:
        return Page(document_id, "".join(self._parts).rstrip("\n"), tuple(self.spans))


def document_id(*names: object) -> str:
    """Document id in FineWeb's form, a pure function of the names."""
    words = [stable_hash64("document", *names, part) for part in range(2)]
    return f"<urn:uuid:{uuid.UUID(int=(words[0] << 64) | words[1], version=4)}>"


def write_web(world: World, planted: list[PlantedRecord], out: Path) -> list[dict[str, Any]]:
    """Write the FineWeb-Edu mirror below ``out/huggingface``; rows of the truth, one per sequence or look-alike.

    ``planted`` records of the corpus "web" get a page of their own under the document id ``name``.
    """
    pages = build_pages(world, [record for record in planted if record.corpus == "web"])
    files = {}
    for index in range(_N_FILES):
        rows = [_row(page) for page in pages[index::_N_FILES]]
        table, data = pa.Table.from_pylist(rows, schema=SCHEMA), io.BytesIO()
        pq.write_table(table, data, row_group_size=_ROW_GROUP_DOCUMENTS, compression="snappy")
        files[f"{FOLDER}/{index:03d}_00000.parquet"] = data.getvalue()
    write_hub_dataset(out, DATASET, files)
    return [
        {"document_id": page.document_id, "start": span.start, "end": span.end, "modality": span.modality,
         "sequence": span.sequence, "kind": span.kind, "layout": span.layout}
        for page in pages for span in page.spans
    ]  # fmt: skip


def build_pages(world: World, planted: list[PlantedRecord]) -> list[Page]:
    """All pages, in the order in which they are written (by hash of their id)."""
    settings, seed = world.settings.web, world.settings.seed
    genes = [gene for species in (*world.species, *world.gene_species) for gene in species.genes if _sequences(gene)]
    pages = []
    for index in range(settings.n_documents_with_sequences):
        name = document_id(seed, "sequences", index)
        page = _page_with_sequences(name, [], genes, generator("web", seed, "sequences", index))
        pages.append(page)
        if unit_interval("web", seed, "mirror", index) < settings.duplicate_share:
            pages.append(_mirror(page, document_id(seed, "mirror", index)))
    for record in planted:
        shown = Shown(f"record {stable_hash64(record.name) % 10**6}", "unnamed clone",
                      record.modality, record.letters)  # fmt: skip
        pages.append(_page_with_sequences(record.name, [shown], genes, generator("web", seed, record.name)))
    for index in range(settings.n_documents_look_alike):
        rng = generator("web", seed, "look_alike", index)
        pages.append(_page_with_look_alikes(document_id(seed, "look_alike", index), rng))
    for index in range(settings.n_documents_plain):
        pages.append(_plain_page(document_id(seed, "plain", index), generator("web", seed, "plain", index)))
    return sorted(pages, key=lambda page: stable_hash64(seed, page.document_id))


def _sequences(gene: Gene) -> list[Shown]:
    """What a page can show of a gene: its DNA (or coding sequence), transcript and protein."""
    if not gene.transcripts or gene.special:
        return []
    transcript, about = gene.transcripts[0], f"{gene.symbol} of {gene.species}"
    has_intron = len(gene.dna) > len(transcript.rna or transcript.cds)
    dna = Shown(f"{gene.symbol}_gene", f"{about}, genomic sequence", Modality.DNA, gene.dna)
    cds = Shown(f"{gene.symbol}_cds", f"{about}, coding sequence", Modality.DNA, transcript.cds, is_coding=True)
    found = [
        dna if has_intron or not transcript.cds else cds,
        Shown(f"{gene.symbol}_rna", f"{about}, transcript", Modality.RNA, transcript.rna or transcript.cds),
        Shown(f"{gene.symbol}_protein", f"{about}, protein product", Modality.PROTEIN, transcript.protein),
    ]
    return [one for one in found if showable(one.modality, one.letters) and len(one.letters) <= _MAX_SHOWN_NT]


def _page_with_sequences(name: str, first: list[Shown], genes: list[Gene], rng: np.random.Generator) -> Page:
    """A biology page with its sequences; a page for a planted record shows at least three, so that it is kept."""
    n_sequences = int(rng.choice(_N_SEQUENCES, p=_N_SEQUENCES_SHARES))
    wanted = max(3, n_sequences) if first else n_sequences
    shown = list(first)
    while len(shown) < wanted:
        shown += _sequences(genes[int(rng.integers(len(genes)))])
    shown = shown[:wanted]
    if first:
        shown = [shown[i] for i in rng.permutation(len(shown))]
    text = _PageText()
    text.add(f"{title(BIOLOGY, rng)}\n\n{paragraph(BIOLOGY, rng)}\n\n")
    for number, one in enumerate(shown, 1):
        block = lay_out(one, rng)
        text.add(f"{number}. {one.description[0].upper()}{one.description[1:]}.\n\n{block.before}")
        text.add_span(block.body, str(one.modality), one.letters, "sequence", block.layout)
        text.add(f"{block.after}\n{paragraph(BIOLOGY, rng, (1, 3))}\n\n")
    text.add(f"{paragraph(BIOLOGY, rng)}\n")
    return text.page(name)


def _mirror(page: Page, name: str) -> Page:
    """The same page on another site, with a line of its own at the end."""
    return Page(name, f"{page.text}\n\nMirrored with permission; see the original site for corrections.", page.spans)


def _page_with_look_alikes(name: str, rng: np.random.Generator) -> Page:
    topic, text = any_topic(rng), _PageText()
    text.add(f"{title(topic, rng)}\n\n{paragraph(topic, rng)}\n\n")
    for _ in range(int(rng.integers(2, 6))):
        kind, lines = look_alike(rng)
        text.add_span(lines, None, None, "look_alike", kind)
        text.add(f"\n\n{paragraph(topic, rng, (1, 4))}\n\n")
    return text.page(name)


def _plain_page(name: str, rng: np.random.Generator) -> Page:
    topic, text = any_topic(rng), _PageText()
    text.add(f"{title(topic, rng)}\n\n")
    for _ in range(int(rng.integers(3, 8))):
        text.add(f"{paragraph(topic, rng)}\n\n")
    return text.page(name)


def _row(page: Page) -> dict[str, Any]:
    rng = generator("web", "metadata", page.document_id)
    dump, site = _DUMPS[int(rng.integers(len(_DUMPS)))], _SITES[int(rng.integers(len(_SITES)))]
    score = round(float(rng.uniform(2.52, 4.9)), 4)
    number = int(rng.integers(10**5))
    return {
        "text": page.text, "id": page.document_id, "dump": dump, "url": f"https://{site}/{number:05d}.html",
        "date": f"{dump[8:12]}-{1 + number % 12:02d}-{1 + number % 28:02d}T{number % 24:02d}:{number % 60:02d}:07Z",
        "file_path": f"s3://commoncrawl/crawl-data/{dump}/segments/{number:013d}.0/warc/CC-MAIN-{number:05d}.warc.gz",
        "language": "en", "language_score": round(float(rng.uniform(0.8, 0.99)), 4),
        "token_count": round(1.35 * len(page.text.split())), "score": score, "int_score": round(score),
    }  # fmt: skip
