"""Log-likelihoods of documents, by one written convention.

* A document is ``<bos> piece <sep> piece ... <eos>``, as in training. The first token is given, every other token is
  predicted from all tokens before it.
* Values are natural logarithms over the whole vocabulary. Networks run in fp32 without gradients; the logarithm and all
  sums over tokens are taken in float64.
* ``log_likelihoods`` returns one value per predicted token, so that callers choose which count: letters of one piece,
  with or without ``<sep>`` and ``<eos>``. Entry i belongs to token i + 1; ``letters`` selects the entries of a piece.
* A document's values do not depend on the other documents, on their order or on ``batch_tokens``, up to the rounding of
  fp32 matrix products, whose blocks follow the size of the batch (below 1e-5 per token, tested).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from bsm.base.alphabet import BOS, EOS, NUCLEOTIDES, SEP, SPECIAL_TOKENS, Modality, encode
from bsm.base.errors import InputError
from bsm.base.progress import Progress
from bsm.engine.attention import Layout
from bsm.engine.network import Network

Piece = tuple[Modality, str]
CPU_BATCH_TOKENS = 1024
"""Most tokens scored at once on a CPU: beyond, activations leave its cache (measured: up to 1.2 times slower)."""
_FIRST_AMINO_ACID = len(SPECIAL_TOKENS) + len(NUCLEOTIDES)


def document(pieces: Sequence[Piece]) -> np.ndarray:
    """uint8 ids of ``<bos> piece <sep> piece ... <eos>``.

    Raises InputError: no piece, an empty piece, or letters of another modality (DNA in capitals reads as protein).
    """
    if not pieces:
        raise InputError("a document needs at least one piece", way_out="Give one or more (modality, letters)")
    parts: list[np.ndarray] = []
    for modality, sequence in pieces:
        parts += [np.array([SEP], dtype=np.uint8), _piece_ids(modality, sequence)]
    parts[0] = np.array([BOS], dtype=np.uint8)
    return np.concatenate([*parts, np.array([EOS], dtype=np.uint8)])


def _piece_ids(modality: Modality, sequence: str) -> np.ndarray:
    ids = encode(sequence)
    strange = ids >= _FIRST_AMINO_ACID if modality.is_nucleotide else ids < _FIRST_AMINO_ACID
    if not len(ids) or strange.any():
        raise InputError(
            f"a {modality.value} piece needs one or more letters of its own alphabet", value=sequence,
            way_out="Nucleotides are lower-case, proteins upper-case: pass letters through bsm.base.alphabet.normalise",
        )  # fmt: skip
    return ids


def letters(pieces: Sequence[Piece], index: int) -> slice:
    """Which entries of ``log_likelihoods`` belong to the letters of piece ``index`` (negative: from the end)."""
    lengths = [len(sequence) for _, sequence in pieces]
    at = range(len(lengths))[index]
    start = sum(lengths[:at]) + at
    return slice(start, start + lengths[at])


def log_likelihoods(
    network: Network, documents: Sequence[np.ndarray], batch_tokens: int, progress: Progress | None = None
) -> list[np.ndarray]:
    """float64[n_tokens - 1] for each document, in the order given: natural log-probability of tokens 1, 2, ...

    Documents of similar length are scored together, about ``batch_tokens`` tokens at a time (one document at least);
    ``progress`` advances by documents.
    """
    return _scored(network, documents, batch_tokens, log_probabilities, progress)


def log_likelihoods_among(
    network: Network, documents: Sequence[np.ndarray], batch_tokens: int, among: np.ndarray,
    progress: Progress | None = None,
) -> list[np.ndarray]:  # fmt: skip
    """float64[2, n_tokens - 1]: ``log_likelihoods``; these renormalised over the ids ``among`` (NaN: other tokens)."""

    def score(logits: Tensor, tokens: np.ndarray) -> np.ndarray:
        values = log_probabilities(logits, tokens)
        mass = logits.double().log_softmax(-1)[:, torch.from_numpy(among.astype(np.int64)).to(logits.device)]
        of_those = np.where(np.isin(tokens, among), values - mass.logsumexp(-1).cpu().numpy(), np.nan)
        return np.stack([values, of_those])

    return _scored(network, documents, batch_tokens, score, progress)


def _scored(
    network: Network, documents: Sequence[np.ndarray], batch_tokens: int,
    score: Callable[[Tensor, np.ndarray], np.ndarray], progress: Progress | None,
) -> list[np.ndarray]:  # fmt: skip
    """``score`` (logits [n, 64], tokens [n]) -> float64[..., n] of all documents, cut into theirs."""
    if any(len(ids) < 2 for ids in documents):
        raise ValueError("a document needs a token that is given and one that is predicted")
    found: list[np.ndarray] = [np.empty(0)] * len(documents)
    for batch in _batches([len(ids) - 1 for ids in documents], tokens_at_once(network, batch_tokens)):
        ends = np.cumsum([len(documents[index]) - 1 for index in batch])
        given = np.concatenate([documents[index][:-1] for index in batch])
        predicted = np.concatenate([documents[index][1:] for index in batch])
        device = device_of(network)
        with inference(network):
            logits = network(torch.from_numpy(given.astype(np.int64)).to(device), Layout.of(ends, device))
            values = score(logits, predicted)
        for index, own in zip(batch, np.split(values, ends[:-1], axis=-1), strict=True):
            found[index] = own
        if progress is not None:
            progress.advance(len(batch))
    return found


@contextlib.contextmanager
def inference(network: Network) -> Iterator[None]:
    """No gradients, and the attention that is fastest without them: on a CPU the fused kernel at every length."""
    chosen = network.back_end
    network.back_end = "sdpa" if chosen == "bucketed" else chosen
    try:
        with torch.inference_mode():
            yield
    finally:
        network.back_end = chosen


def device_of(network: Network) -> torch.device:
    """Where the network's weights are."""
    return next(network.parameters()).device


def tokens_at_once(network: Network, batch_tokens: int) -> int:
    """``batch_tokens``, bounded on a CPU."""
    return min(batch_tokens, CPU_BATCH_TOKENS) if device_of(network).type == "cpu" else batch_tokens


def log_probabilities(logits: Tensor, tokens: np.ndarray) -> np.ndarray:
    """float64[...]: log-probability of each token under its row of logits [..., 64]."""
    exact = logits.double()
    chosen = exact.gather(-1, torch.from_numpy(tokens.astype(np.int64)).to(logits.device)[..., None])[..., 0]
    values: np.ndarray = (chosen - exact.logsumexp(-1)).cpu().numpy()
    return values


def _batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Indices, shortest documents first, cut into batches of at most ``batch_tokens`` tokens or one document."""
    batch: list[int] = []
    n_tokens = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and n_tokens + lengths[index] > batch_tokens:
            yield batch
            batch, n_tokens = [], 0
        batch.append(index)
        n_tokens += lengths[index]
    if batch:
        yield batch
