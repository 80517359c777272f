"""k-mer hashes of sequences: MinHash signatures for near-duplicates, sampled hashes for containment.

Nucleotide k-mers are canonical (the smaller of a k-mer and its reverse complement), so both strands of a
sequence give the same sketch. A k-mer with a letter outside acgt or the twenty amino acids gives no hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from datasketch import MinHash
from numba import njit

from bsm.base.alphabet import reverse_complement
from bsm.clean.letters import amino_acids, encode, nucleotides, open_frames

LINK_K_NUCLEOTIDES = 24
LINK_K_AMINO_ACIDS = 8
_MIX_NUCLEOTIDES, _MIX_AMINO_ACIDS = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
_MINHASH_CHUNK = 8192
_SKETCH_MIN_ORF_AA = 20


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
    return np.unique(_kmer_hashes(encode(sequence, alphabet), alphabet.base, k, is_nucleotide, salt))


def signature(sequence: str, is_nucleotide: bool, k: int, n_permutations: int) -> MinHash | None:
    """MinHash over the k-mer set; None where the sequence has no k-mer."""
    hashes = kmer_hashes(sequence, is_nucleotide, k) >> np.uint64(32)
    if not hashes.size:
        return None
    minhash = MinHash(num_perm=n_permutations, seed=1, hashfunc=int)
    for start in range(0, hashes.size, _MINHASH_CHUNK):
        minhash.update_batch(hashes[start : start + _MINHASH_CHUNK].tolist())
    return minhash


def link_hashes(sequence: str, is_nucleotide: bool, genetic_code: int, sample_every: int) -> Iterator[np.ndarray]:
    """Sampled k-mer hashes by which records are linked: one array in letters of the sequence, and for nucleotides
    one per open frame in amino acids, so that a protein meets the DNA and RNA that code for it.

    The sample takes the hashes below a bound: the same k-mers in every sequence.
    """
    bound = np.uint64((1 << 64) // sample_every - 1)
    k = LINK_K_NUCLEOTIDES if is_nucleotide else LINK_K_AMINO_ACIDS
    hashes = kmer_hashes(sequence, is_nucleotide, k)
    yield hashes[hashes <= bound]
    if is_nucleotide:
        salt, base = np.uint64(_MIX_AMINO_ACIDS), amino_acids().base
        for frame in open_frames(encode(sequence, nucleotides()), genetic_code, _SKETCH_MIN_ORF_AA):
            hashes = np.unique(_kmer_hashes(frame.protein, base, LINK_K_AMINO_ACIDS, False, salt))
            yield hashes[hashes <= bound]
