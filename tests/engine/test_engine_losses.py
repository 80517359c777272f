"""Sums of losses against plain float64 sums; sections as the paper's reading defines them."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
import torch
from engine_shards import write_source
from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.base.alphabet import DECODE
from bsm.engine.attention import Layout
from bsm.engine.batch import NO_TARGET
from bsm.engine.loader import Loader, held_out
from bsm.engine.losses import (
    COLUMNS,
    SECTIONS,
    Cell,
    LossTable,
    bits_per_letter,
    row_losses,
    sections,
    token_losses,
)
from bsm.engine.network import Shape, initial_network
from bsm.engine.sources import read_sources

GROUPS = {"a_nucleotides": "single", "b_proteins": "single", "c_pairs": "refseq", "d_genes": "gene", "e_web": "web"}
MODALITIES = {"a_nucleotides": (1, 2), "b_proteins": (3,)}
_NAMES = ("special", "dna", "rna", "protein")


@pytest.fixture(scope="module")
def loader(tmp_path_factory):
    folder = tmp_path_factory.mktemp("losses")
    manifests = [write_source(folder, name, group, 4, n_valid=20, modalities=MODALITIES.get(name, (1, 2, 3)))
                 for name, group in GROUPS.items()]  # fmt: skip
    return Loader(read_sources(manifests, "valid"))


def all_rows(loader):
    return [(i, row) for i, source in enumerate(loader.sources) for row in range(source.n_rows)]


def plain_sums(losses, batch):
    """Letters and nats by (row, cell), token by token."""
    sums = defaultdict(lambda: [0, 0.0])
    for i, target in enumerate(batch.targets.tolist()):
        if target == NO_TARGET:
            continue
        name, group = batch.sources[batch.source[i]]
        is_letter = DECODE[target] != ord("?")
        given_ = [m for bit, m in ((1, "dna"), (2, "rna"), (4, "protein")) if batch.given[i] & bit and is_letter]
        cell = Cell(name, group, _NAMES[batch.modality[i]] if is_letter else "special", "+".join(given_))
        sums[batch.row[i], cell][0] += 1
        sums[batch.row[i], cell][1] += float(losses[i])
    return sums


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31))
def test_tables_are_the_plain_sums_of_the_tokens(loader, seed):
    rng = np.random.default_rng(seed)
    rows = all_rows(loader)
    batch = loader.batch([rows[i] for i in rng.integers(len(rows), size=9)])  # rows may stand twice
    losses = rng.gamma(2.0, size=batch.n_tokens).astype(np.float32)
    table, by_row = LossTable.of(losses, batch), row_losses(losses, batch)
    plain = plain_sums(losses, batch)
    expected, expected_rows = defaultdict(lambda: [0, 0.0]), defaultdict(lambda: [0, 0.0])
    for (row, cell), (n, nats) in plain.items():
        for sums, key in ((expected, cell), (expected_rows, (batch.row_names[row], cell))):
            sums[key][0] += n
            sums[key][1] += nats
    assert list(table.cells) == sorted(expected)
    for cell, total in table.cells.items():
        assert total == pytest.approx(tuple(expected[cell]), rel=1e-12)
    found = {(name, cell): total for name, part in by_row.items() for cell, total in part.cells.items()}
    assert found.keys() == expected_rows.keys() and by_row.keys() == set(batch.row_names)
    assert all(found[key] == pytest.approx(tuple(expected_rows[key]), rel=1e-12) for key in found)
    assert LossTable.of(torch.from_numpy(losses), batch) == table


def test_tables_add_up_and_batches_do_not_matter(loader):
    rows = all_rows(loader)
    whole = loader.batch(rows)
    losses = np.random.default_rng(1).gamma(2.0, size=whole.n_tokens)
    total, start = LossTable(), 0
    for batch in loader.batches(rows, 256):
        total += LossTable.of(losses[start : start + batch.n_tokens], batch)
        start += batch.n_tokens
    assert start == whole.n_tokens
    reference = LossTable.of(losses, whole)
    assert total.rows() == reference.rows() and tuple(total.rows()[0]) == COLUMNS
    assert sum(n for n, _ in total.cells.values()) == whole.n_targets


def test_sections_are_single_nucleotides_and_proteins_and_every_letter_of_the_mixed_groups(loader):
    batch = loader.batch(all_rows(loader))
    losses = np.random.default_rng(2).gamma(2.0, size=batch.n_tokens)
    group = np.array([g for _, g in batch.sources])[batch.source]
    is_letter = (batch.modality > 0) & (batch.targets != NO_TARGET)
    single = group == "single"
    masks = {
        "nucleotides": single & (batch.modality < 3), "proteins": single & (batch.modality == 3),
        "refseq": group == "refseq", "gene": group == "gene", "web": group == "web",
    }  # fmt: skip
    table = LossTable.of(losses, batch)
    values = sections(table)
    assert tuple(values) == SECTIONS
    for name, mask in masks.items():
        assert values[name] == pytest.approx(losses[mask & is_letter].mean() / math.log(2), rel=1e-12)
    assert table.letters() == pytest.approx((is_letter.sum(), losses[is_letter].sum()))
    by_row = row_losses(losses, batch)
    for name, (n, nats) in table.by_section().items():
        parts = [part.by_section()[name] for part in by_row.values() if name in part.by_section()]
        assert (sum(p[0] for p in parts), sum(p[1] for p in parts)) == pytest.approx((n, nats), rel=1e-12)


def test_without_letters_there_is_no_number():
    assert math.isnan(bits_per_letter(0, 0.0)) and bits_per_letter(4, 4 * math.log(2)) == pytest.approx(1.0)
    assert sections(LossTable()) == {} and LossTable().rows() == [] and LossTable().letters() == (0, 0)


def test_losses_of_tokens_are_those_of_every_document_alone(loader):
    network = initial_network(Shape(2, 2, 32, 64), 3)
    rows = [(i, row) for i, source in enumerate(loader.sources) for row in held_out(source, n_rows=2)]
    batch = loader.batch(rows)
    losses = token_losses(network, batch)
    assert losses.dtype == np.float32 and (losses[batch.targets == NO_TARGET] == 0).all()
    start = 0
    for end in batch.document_ends.tolist():
        ids = torch.from_numpy(batch.ids[start:end])
        with torch.no_grad():
            log = network(ids, Layout.of([end - start])).double().log_softmax(-1)
        expected = -log[torch.arange(end - start - 1), ids[1:]].numpy()
        assert np.allclose(losses[start : end - 1], expected, atol=1e-4)
        start = end
    near = token_losses(network, batch, "bf16")
    assert not np.array_equal(near, losses) and np.allclose(near, losses, atol=0.05)
