"""The README shows the graph as it is: one box a stage, drawn from the rules themselves."""

from __future__ import annotations

import re

from running import ROOT, snakemake

from bsm.cli import COMMANDS

SUMMARIES = {
    "miniature": "the known-answer world,<br/>or the internet",
    "acquire": "files, verified",
    "sample": "single-modal sequences",
    "pair": "DNA, RNA, protein of genes",
    "interleave": "sequences in web text",
    "clean": "benchmark items out,<br/>groups, splits",
    "shard": "tokens in Parquet",
    "anneal": "short runs<br/>choose the mix",
    "train": "three rounds,<br/>two sizes, control arms",
    "evaluate": "fine-tuned, few-shot,<br/>zero-shot, baselines",
    "report": "Table 1 beside<br/>the paper's numbers",
}


def stage_edges(directory) -> list[tuple[str, str]]:
    """Stage -> stage edges of the rule graph, without those into the report (it reads everything) and without the
    gates of clean, which every later job takes (docs/architecture.md)."""
    text = snakemake("--rulegraph", "mermaid-js", directory=directory).output
    names = dict(re.findall(r"(id\d+)\[(\w+)\]", text))
    stages = {node: next((s for s in COMMANDS if name.startswith(s)), name) for node, name in names.items()}
    edges = {(stages[a], stages[b]) for a, b in re.findall(r"(id\d+) --> (id\d+)", text)}
    order = list(COMMANDS)
    hidden = {("clean", stage) for stage in order[order.index("shard") + 1 :]}
    kept = [(a, b) for a, b in edges - hidden if a != b and b != "all" and (b != "report" or a == "evaluate")]
    return sorted(kept, key=lambda edge: (order.index(edge[0]), order.index(edge[1])))


def picture(edges: list[tuple[str, str]]) -> str:
    used = [stage for stage in COMMANDS if any(stage in edge for edge in edges)]
    boxes = [f'  {stage}["<b>{stage}</b><br/>{SUMMARIES[stage]}"]' for stage in used]
    return "\n".join(["```mermaid", "flowchart LR", *boxes, *(f"  {a} --> {b}" for a, b in edges), "```"])


def test_the_picture_in_the_readme_is_the_rule_graph(tmp_path):
    expected = picture(stage_edges(tmp_path))
    assert expected in (ROOT / "README.md").read_text(), f"paste this into README.md:\n{expected}"


def test_every_file_and_command_named_in_the_readme_exists():
    text = (ROOT / "README.md").read_text()
    for path in re.findall(r"\]\((?!http)([^)#]+)\)|`((?:bsm|config|docs|profiles|workflow|tests)/[\w./-]+)`", text):
        assert (ROOT / (path[0] or path[1])).exists(), path
    for command in re.findall(r"^bsm (\w+)", text, flags=re.M):
        assert command in COMMANDS
