"""The evaluation tasks: what goes in, what is measured, where it comes from (paper section 3, appendix C)."""

from __future__ import annotations

from dataclasses import dataclass

from bsm.base.alphabet import Modality


@dataclass(frozen=True)
class Task:
    """One task of Table 1. ``modality_b`` is the second input of a pair task, or the gene of a variant."""

    name: str
    kind: str  # binary | multiclass | regression | fitness
    modality_a: Modality
    modality_b: Modality | None
    metric: str  # accuracy | spearman
    labels: tuple[str, ...] = ()
    citation: str = ""


_LOCATIONS = ("cytoplasmic membrane", "cell wall", "cytoplasmic", "extracellular", "outer membrane", "periplasmic")
_YES_NO = ("0", "1")

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("ncrpi", "binary", Modality.RNA, Modality.PROTEIN, "accuracy", _YES_NO,
             "NPInter v2.0, Yuan 2014; split of LucaOne 2024"),
        Task("central_dogma", "binary", Modality.DNA, Modality.PROTEIN, "accuracy", _YES_NO, "LucaOne 2024"),
        Task("ppi", "binary", Modality.PROTEIN, Modality.PROTEIN, "accuracy", _YES_NO, "Sun 2017, DeepPPI"),
        Task("protloc", "multiclass", Modality.PROTEIN, None, "accuracy", _LOCATIONS, "Moreno 2024, DeepLocPro"),
        Task("protstab", "regression", Modality.PROTEIN, None, "spearman", (), "Rocklin 2017; TAPE 2019"),
        Task("ncrnafam", "multiclass", Modality.RNA, None, "accuracy", (), "Noviello 2020; 88 Rfam families"),
        Task("protein_fitness", "fitness", Modality.PROTEIN, Modality.DNA, "spearman", (), "panel of Evo 2024"),
        Task("ncrna_fitness", "fitness", Modality.RNA, None, "spearman", (), "panel of Evo 2024"),
    )
}  # fmt: skip
