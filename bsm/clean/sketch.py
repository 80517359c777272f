"""k-mer hashes of sequences: MinHash signatures for near-duplicates, sampled hashes for containment.

Nucleotide k-mers are canonical (the smaller of a k-mer and its reverse complement), so both strands of a
sequence give the same sketch. A k-mer with a letter outside acgt or the twenty amino acids gives no hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from datasketch import MinHash
from numba import njit

from bsm.base.alphabet import reverse_complement
from bsm.clean.letters import amino_acids, encode, nucleotides, open_frames

LINK_K_NUCLEOTIDES = 16
LINK_K_AMINO_ACIDS = 8
"""A copy at the gate's 95 % over 80 % of a sequence shares .35 of its 16-mers and .53 of its protein 8-mers."""
_DENSE = 256
_MIX_NUCLEOTIDES, _MIX_AMINO_ACIDS = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
_MINHASH_CHUNK = 8192
_SKETCH_MIN_ORF_AA = 20
_OTHER_CODE_MIN_ORF_AA = 60


@njit(cache=True, nogil=True)
def _kmer_hashes(letters: np.ndarray, base: int, k: int, canonical: bool, salt: np.uint64) -> np.ndarray:
    """uint64[n]: one mixed hash per valid k-mer, in order. k-mers are hashed as polynomials modulo 2**64."""
    out = np.empty(max(0, letters.size - k + 1), dtype=np.uint64)
    n_out = 0
    multiplier = np.uint64(base + 1)
    run = 0
    for i in range(letters.size):
        run = run + 1 if letters[i] < base else 0
        if run < k:
            continue
        forward = np.uint64(0)
        backward = np.uint64(0)
        for j in range(k):
            forward = forward * multiplier + np.uint64(letters[i - k + 1 + j])
            backward = backward * multiplier + np.uint64(3 - letters[i - j]) if canonical else forward
        value = min(forward, backward) ^ salt
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        out[n_out] = value ^ (value >> np.uint64(31))
        n_out += 1
    return out[:n_out]


def sequence_key(sequence: str, is_nucleotide: bool) -> bytes:
    """16 bytes that are equal for equal sequences; of a nucleotide sequence and its reverse complement too."""
    letters = min(sequence, reverse_complement(sequence)) if is_nucleotide else sequence
    return hashlib.blake2b(letters.encode(), digest_size=16, person=b"nt" if is_nucleotide else b"aa").digest()


def kmer_hashes(sequence: str, is_nucleotide: bool, k: int) -> np.ndarray:
    """Sorted distinct uint64 hashes of the k-mers of a sequence."""
    alphabet = nucleotides() if is_nucleotide else amino_acids()
    salt = np.uint64(_MIX_NUCLEOTIDES if is_nucleotide else _MIX_AMINO_ACIDS)
    return _distinct(_kmer_hashes(encode(sequence, alphabet), alphabet.base, k, is_nucleotide, salt))


def _distinct(hashes: np.ndarray) -> np.ndarray:
    """Sorted distinct values; ``np.unique`` costs more than the rest of a short frame."""
    hashes.sort()
    return hashes[np.concatenate(([True], hashes[1:] != hashes[:-1]))] if hashes.size else hashes


def signature(sequence: str, is_nucleotide: bool, k: int, n_permutations: int) -> MinHash | None:
    """MinHash over the k-mer set; None where the sequence has no k-mer."""
    hashes = kmer_hashes(sequence, is_nucleotide, k) >> np.uint64(32)
    if not hashes.size:
        return None
    minhash = MinHash(num_perm=n_permutations, seed=1, hashfunc=int)
    for start in range(0, hashes.size, _MINHASH_CHUNK):
        minhash.update_batch(hashes[start : start + _MINHASH_CHUNK].tolist())
    return minhash


class Sketch(NamedTuple):
    """Sorted k-mer hashes of a sequence: all of a short one (``dense``), else those of the coarse sample.

    ``whole``: it stands for at least half of the sequence, which an open frame need not.
    """

    hashes: np.ndarray
    n_coarse: int  # how many belong to the coarse sample
    dense: bool
    whole: bool


def sketches(sequence: str, is_nucleotide: bool, genetic_codes: Sequence[int], sample_every: int) -> Iterator[Sketch]:
    """Sketches by which records are linked: of the letters, and for nucleotides of each open frame in amino acids,
    so that a protein meets the DNA and RNA that code for it.

    The coarse sample takes the hashes below a bound: the same k-mers in every sequence. Frames of the first genetic
    code count from 20 amino acids, those that another code reads differently from 60.
    """
    bound = np.uint64((1 << 64) // sample_every - 1)
    k = LINK_K_NUCLEOTIDES if is_nucleotide else LINK_K_AMINO_ACIDS
    yield _sketch(kmer_hashes(sequence, is_nucleotide, k), bound, whole=True)
    if not is_nucleotide:
        return
    salt, base, codes = np.uint64(_MIX_AMINO_ACIDS), amino_acids().base, encode(sequence, nucleotides())
    known: set[bytes] = set()
    for number, table in enumerate(genetic_codes):
        for frame in open_frames(codes, table, _OTHER_CODE_MIN_ORF_AA if number else _SKETCH_MIN_ORF_AA):
            letters = frame.protein.tobytes()
            if letters not in known:
                known.add(letters)
                hashes = _distinct(_kmer_hashes(frame.protein, base, LINK_K_AMINO_ACIDS, False, salt))
                yield _sketch(hashes, bound, whole=6 * frame.protein.size >= codes.size)


def _sketch(hashes: np.ndarray, bound: np.uint64, whole: bool) -> Sketch:
    n_coarse = int(np.searchsorted(hashes, bound, side="right"))
    dense = hashes.size <= _DENSE
    return Sketch(hashes if dense else hashes[:n_coarse].copy(), n_coarse, dense, whole)
