"""What table1.md says about its numbers."""

from __future__ import annotations

_MEANING = {
    "miniature": "The miniature is a generated world and its models are hundreds of times smaller than the paper's: "
    "its numbers show that every step works and which planted signals were learned in minutes, they say nothing about "
    "real sequences, and the published values, measured on other data, stand beside them for orientation only.",
    "nano": "This is the smallest run of every rule: its numbers show that the graph works and mean nothing else.",
}
_REAL = "Published values were measured on models trained on the paper's own data and token budgets."

NOTES = (
    "In brackets: percentile bootstrap interval (`evaluate.bootstrap` in the config; 95 % by default). What is drawn: "
    "test items; of Central Dogma all pairs about one protein or gene together; of fitness the variants inside each "
    "assay; of held-out losses and perplexity rows of the shards, because the documents of a row may be neighbours of "
    "one record. Fine-tuned rows draw the fine-tunings too. Not covered: one network was trained per checkpoint, and "
    "pairs of ncRPI and PPI that share a sequence are drawn one by one, which leaves their intervals too narrow.",
    "*n*: test items, or letters of held-out sequences (of networks' perplexity every predicted token, `<eos>` "
    "included). *seeds*: fine-tunings whose mean stands in the row. The best baseline is taken among baselines with "
    "the same data, input, metric and n; where there is none, none is named.",
    "Few-shot: a pair is called true from a threshold on, which is chosen on validation pairs for the highest "
    "*balanced_accuracy* (mean of the shares of true and of false pairs called right; 0.5 is chance). *accuracy*, the "
    "share of all pairs called right, depends on how many are true: calling all pairs false may win. The score is the "
    "log-probability of the query protein summed over its letters (the paper's); beside it `mean`: per letter, `pmi`: "
    "less that of the protein alone, `minimum`: of its least likely letter.",
    "Fitness is the mean over assays. Only inputs with the same n compare: assays that give no gene are left out "
    "where a gene is read, and `protein, assays with a gene` reads the proteins of the rest.",
    "Held-out losses are bits per letter on held-out rows, up to `evaluate.max_valid_tokens` per source. Sections: "
    "single-modal nucleotides and proteins, all letters of RefSeq pairs, Gene pairs and web documents; "
    "`mean_of_sections` is their unweighted mean. Letters of pairs, by what stood before them in the document: "
    "`protein_alone` nothing, `protein_given_dna` exactly its DNA, `protein_given_rna` exactly its RNA, and "
    "`dna_given_protein` DNA after exactly its protein. The single-modal arm never reads two sequences in one "
    "document: what the unknown form costs is part of its losses on pairs.",
    "`letter frequencies` and `Markov model` are told which kind of letter comes next, which a network has to find "
    "out: as baselines they are favoured. Perplexities compare only between models with the same vocabulary.",
    "*published*: arXiv 2410.11499, or the machine-read text of its ICLR 2025 revision (`iclr-text`), as "
    "`published_source` in table1.csv says. Values that exist only as bars (Central Dogma, few-shot) are left out. "
    "Where no round is stated, a published value is read as the one after round 3.",
    "Only in table1.csv: single fitness assays, the other metrics of further few-shot scores, intervals of data sets "
    "beside the headline one of their task and of wide tables, and data sets that only baselines were measured on.",
)


def meaning(corpus: str) -> str:
    """What the numbers of a corpus can be taken for."""
    return _MEANING.get(corpus, _REAL)
