"""The sample of genes: equal to a plain one, for any number of threads and any block size; damage is named."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np
import pytest

from bsm.base import gene2accession
from bsm.base.errors import InputError
from bsm.base.gene2accession import COLUMNS, choose_genes, rows_of_genes
from bsm.base.randomness import stable_hash64


def _table(path, n_genes=3000, seed=1):
    rng = random.Random(seed)
    rows = []
    for gene in range(1, n_genes + 1):
        taxid = rng.choice([9606, 9606, 9606, 10090, 7227])
        for _ in range(rng.randint(1, 4)):
            start = rng.randrange(10**6)
            place = (
                (str(start), str(start + rng.randrange(9000)), rng.choice("+-"))
                if rng.random() < 0.8
                else ("-", "-", "?")
            )
            rows.append([str(taxid), str(gene), "MODEL", f"XM_{gene}.1", "-", "XP_1.1", "-", "NC_1.1", "-", *place,
                         "-", "-", "-", f"S{gene}"])  # fmt: skip
    rows += rng.sample(rows, 20)  # a gene's rows need not stand together
    path.write_text("#" + "\t".join(COLUMNS) + "\n" + "".join("\t".join(row) + "\n" for row in rows))
    return rows


def _hash(seed, taxid, gene):
    mask, value = (1 << 64) - 1, seed
    for number in (taxid, gene):
        value = ((value ^ number) + 0x9E3779B97F4A7C15) & mask
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
        value ^= value >> 31
    return value


def _plain(rows, name, taxids, cap, limit):
    spans = defaultdict(int)
    for row in rows:
        span = int(row[10]) - int(row[9]) + 1 if row[9] != "-" else 0
        key = int(row[0]), int(row[1])
        spans[key] = max(spans[key], span)
    seed = stable_hash64("gene", name)
    chosen, total, n_of_species = [], 0, defaultdict(int)
    for key in sorted(spans, key=lambda key: _hash(seed, *key)):
        if taxids and key[0] not in taxids:
            continue
        n_of_species[key[0]] += 1
        if cap is not None and n_of_species[key[0]] > cap:
            continue
        if limit is not None and total >= limit:
            break
        chosen.append(key)
        total += spans[key]
    return sorted(chosen)


@pytest.mark.parametrize(("taxids", "cap", "limit"), [
    (None, None, None), (None, 100, None), (None, None, 300_000), (None, 200, 900_000),
    (frozenset({7227, 10090}), 50, 10**9),
])  # fmt: skip
@pytest.mark.parametrize("n_threads", [1, 2])
def test_sample_equals_a_plain_one(tmp_path, monkeypatch, taxids, cap, limit, n_threads):
    monkeypatch.setattr(gene2accession, "_BLOCK_BYTES", 5000)
    monkeypatch.setattr(gene2accession, "_MAX_CANDIDATES", 700)
    rows = _table(tmp_path / "t.tsv")
    options = {"taxids": taxids, "max_per_species": cap, "max_span_nt": limit, "n_threads": n_threads}
    genes = choose_genes(tmp_path / "t.tsv", "source", **options)
    assert list(map(tuple, genes.tolist())) == _plain(rows, "source", taxids, cap, limit)
    chosen = set(map(tuple, genes.tolist()))
    taken = b"".join(rows_of_genes(tmp_path / "t.tsv", genes, n_threads)).decode()
    assert taken == "".join("\t".join(row) + "\n" for row in rows if (int(row[0]), int(row[1])) in chosen)


def test_the_name_decides_the_sample(tmp_path):
    _table(tmp_path / "t.tsv")
    samples = {choose_genes(tmp_path / "t.tsv", name, max_per_species=20).tobytes() for name in ("a", "b", "a")}
    assert len(samples) == 2


@pytest.mark.parametrize(("row", "message"), [
    ("9606\t1\tx", r"t\.tsv:3: row of 3 fields"), ("\t".join(["9606", "x", *"-" * 14]), r"t\.tsv:3: tax_id or GeneID"),
    ("\t".join(["9606", "5", *"-" * 15]), r"t\.tsv:3: row of 17 fields"),
])  # fmt: skip
def test_a_damaged_row_is_named(tmp_path, row, message):
    good = "\t".join(["9606", "7", *"-" * 14])
    (tmp_path / "t.tsv").write_text("#" + "\t".join(COLUMNS) + f"\n{good}\n{row}\n{good}\n")
    with pytest.raises(InputError, match=message):
        choose_genes(tmp_path / "t.tsv", "s")
    with pytest.raises(InputError, match=message):
        list(rows_of_genes(tmp_path / "t.tsv", np.array([[9606, 7]])))


def test_a_table_without_its_columns_is_refused(tmp_path):
    (tmp_path / "t.tsv").write_text("#Format: tax_id GeneID\n")
    with pytest.raises(InputError, match="not the 16 columns"):
        choose_genes(tmp_path / "t.tsv", "s")
