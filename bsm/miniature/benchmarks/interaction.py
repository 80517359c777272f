"""ncRPI and PPI: two molecules interact when they carry complementary motifs.

Pairs are drawn from a pool, so molecules recur between the splits, as they do in the published sets
(449 proteins make the 20,824 pairs of NPInter). The label balance is the published one; a label is
flipped with probability ``label_noise``, so a model that knows the law reaches 1 - label_noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bsm.base.errors import ConfigError
from bsm.miniature.benchmarks.draws import Item, exact_counts, item, pick, shuffled, split_of_each, stream, until
from bsm.miniature.families import draw_protein
from bsm.miniature.model import World
from bsm.miniature.rna_families import draw_rna

RNA_MOTIFS = (("tgtaaata", "KGFGFVTF"), ("tgcatgca", "VIGKGGKN"), ("ggaggagg", "CYNCGKPG"), ("attattta", "LYVGNLPP"))
"""RNA motif and the signature of the domain that binds it: Pumilio box, RBFOX box, purine-rich and AU-rich
elements; RNP-1, KH loop, CCHC knuckle, RNP-2."""
PEPTIDE_MOTIFS = (("ALYDYEAR", "PPLPPR"), ("LPPGWEMR", "PPPYAP"), ("GLGFSIVG", "RETSVW"), ("FLVRESET", "DYEEIP"))
"""Signature of a domain and the linear motif it binds: SH3, WW, PDZ, SH2."""

NCRPI_BALANCE = {"train": (8_328, 8_330), "valid": (1, 1), "test": (2_083, 2_083)}
PPI_BALANCE = {"train": (26_577, 33_189), "valid": (3_254, 4_171), "test": (3_254, 4_171)}
"""Published label counts (0, 1); the validation balance is not published and taken from the test set."""


@dataclass(frozen=True)
class Molecule:
    """A member of the pool: which domain and which motif it carries (index of the motif pair, or None)."""

    name: str
    letters: str
    domain: int | None = None
    motif: int | None = None


def interact(a: Molecule, b: Molecule) -> bool:
    """The planted law: one carries a domain and the other the motif that it binds."""
    return (a.domain is not None and a.domain == b.motif) or (b.domain is not None and b.domain == a.motif)


def ncrpi(world: World) -> list[Item]:
    """RNA-protein pairs; ids in the style of NPInter (n4683) and UniProt (P83877)."""
    settings = world.settings.benchmarks
    motifs = RNA_MOTIFS[: settings.n_motif_pairs]
    rng = stream(world, "ncrpi", "pool")
    n_rna, n_protein = settings.ncrpi_pool
    rnas = [_rna(world, f"n{4000 + i}", motifs, rng) for i in range(n_rna)]
    proteins = [_binding_protein(world, f"P{80000 + i}", motifs, rng) for i in range(n_protein)]
    pairs = [(a, b) for a in rnas for b in proteins]
    return _items(world, "ncrpi", settings.ncrpi, NCRPI_BALANCE, pairs)


def ppi(world: World) -> list[Item]:
    """Protein-protein pairs; ids are plain numbers, as in the published set."""
    settings = world.settings.benchmarks
    rng = stream(world, "ppi", "pool")
    pool = [_partner(world, str(i), PEPTIDE_MOTIFS[: settings.n_motif_pairs], rng) for i in range(settings.ppi_pool)]
    pairs = [(a, b) for i, a in enumerate(pool) for b in pool[i + 1 :]]
    return _items(world, "ppi", settings.ppi, PPI_BALANCE, pairs)


def _items(world: World, task: str, sizes: tuple[int, int, int], balance: dict[str, tuple[int, int]],
           pairs: list[tuple[Molecule, Molecule]]) -> list[Item]:  # fmt: skip
    rng = stream(world, task, "items")
    supply = {truth: shuffled([p for p in pairs if interact(*p) == truth], rng) for truth in (False, True)}
    labels = {
        split: shuffled([label for label, n in enumerate(exact_counts(size, balance[split])) for _ in range(n)], rng)
        for split, size in zip(balance, sizes, strict=True)
    }
    rows = []
    if min(map(len, supply.values())) < sum(sizes):
        raise ConfigError("too few pairs in the pool", where=f"miniature.benchmarks.{task}_pool", value=len(pairs),
                          way_out="Raise the pool's size, or ask for fewer items")  # fmt: skip
    for split, number in split_of_each(sizes):
        label = labels[split][number]
        flipped = rng.random() < world.settings.benchmarks.label_noise
        a, b = supply[bool(label) != flipped].pop()
        rows.append(item(task, task, split, number, (a.name, b.name), (a.letters, b.letters), label=str(label)))
    return rows


def _rna(world: World, name: str, motifs: tuple[tuple[str, str], ...], rng: np.random.Generator) -> Molecule:
    motif = _carried(world, motifs, rng)
    return Molecule(name, _with_motifs(world, [m for m, _ in motifs], [motif], True, rng), motif=motif)


def _binding_protein(
    world: World, name: str, motifs: tuple[tuple[str, str], ...], rng: np.random.Generator
) -> Molecule:
    domain = _carried(world, motifs, rng)
    return Molecule(name, _with_motifs(world, [d for _, d in motifs], [domain], False, rng), domain=domain)


def _partner(world: World, name: str, motifs: tuple[tuple[str, str], ...], rng: np.random.Generator) -> Molecule:
    domain, motif = _carried(world, motifs, rng), _carried(world, motifs, rng)
    signatures = [d for d, _ in motifs] + [m for _, m in motifs]
    carried = [domain, None if motif is None else len(motifs) + motif]
    return Molecule(name, _with_motifs(world, signatures, carried, False, rng), domain, motif)


def _carried(world: World, motifs: tuple[tuple[str, str], ...], rng: np.random.Generator) -> int | None:
    index = int(rng.integers(len(motifs)))
    return index if rng.random() < world.settings.benchmarks.motif_share else None


def _with_motifs(world: World, signatures: list[str], carried: list[int | None], is_rna: bool,
                 rng: np.random.Generator) -> str:  # fmt: skip
    """A fresh family member that holds exactly the carried signatures, written over letters of its own."""
    inside = {signatures[i] for i in carried if i is not None}

    def draw() -> str:
        letters = (
            draw_rna(pick(world.rna_families, rng), rng) if is_rna else draw_protein(pick(world.families, rng), rng)
        )
        for signature in sorted(inside):
            room = len(letters) - len(signature)
            at = int(rng.integers(1, room)) if room > 1 else 1
            letters = letters[:at] + signature + letters[at + len(signature) :]
        return letters

    return until(draw, lambda letters: {s for s in signatures if s in letters} == inside)
