"""Settings of models, mixes, rounds, annealing and evaluation (paper sections 2.3 and 3)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from bsm.base.benchmarks import TASKS
from bsm.base.config.common import Name, Settings
from bsm.base.config.sources import Group


def _known_task(name: str) -> str:
    allowed = (*TASKS, "perplexity")
    if name not in allowed:
        raise ValueError(f"unknown task; allowed: {', '.join(allowed)}")
    return name


_Beta = Annotated[float, Field(ge=0.0, lt=1.0)]
ArmName = Literal["mixed", "single", "no_web", "unpaired"]
TaskName = Annotated[str, AfterValidator(_known_task)]


class Model(Settings):
    """One network size (Llama block; Table 2 of the paper)."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    n_layers: PositiveInt
    n_heads: PositiveInt
    width: PositiveInt
    d_ff: PositiveInt
    rope_base: PositiveFloat = 100_000.0
    qk_norm: bool = False
    batch_sequences: PositiveInt
    """Contexts per optimiser step."""
    arms: Annotated[list[ArmName], Field(min_length=1)] = ["mixed"]

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Model:
        if self.width % self.n_heads or self.width // self.n_heads % 2:
            raise ValueError(f"width {self.width} must be an even multiple of n_heads {self.n_heads}")
        if len(set(self.arms)) < len(self.arms):
            raise ValueError(f"an arm is listed twice in {self.arms}")
        return self


class Mix(Settings):
    """Weights of the data groups in one round."""

    name: Name
    weights: Annotated[dict[Group, NonNegativeFloat], Field(min_length=1)]

    @model_validator(mode="after")
    def _some_weight(self) -> Mix:
        if sum(self.weights.values()) <= 0:
            raise ValueError("the weights sum to zero; give at least one group a positive weight")
        return self


class Round(Settings):
    """One of the three rounds: its mix, budget and learning rate."""

    name: Literal["round1", "round2", "round3"]
    mix: Name
    """A mix, or ``annealed`` for the winner of the annealing search."""
    n_tokens: PositiveInt
    n_steps: PositiveInt | None = None
    """Used instead of n_tokens when budget_by is steps."""
    learning_rate_start: PositiveFloat
    learning_rate_end: NonNegativeFloat
    optimiser: Literal["adamw", "muon"] | None = None
    """Of this round only; default: train.optimiser."""

    @model_validator(mode="after")
    def _rate_decays(self) -> Round:
        if self.learning_rate_end > self.learning_rate_start:
            raise ValueError("learning_rate_end must not be larger than learning_rate_start: rates only decay")
        return self


TRAIN_MANNERS = (
    "device", "micro_batch_sequences", "checkpoint_every_seconds", "keep_checkpoints", "on_code_change",
    "log_every_steps", "validate_every_steps",
)  # fmt: skip
"""Keys of TrainSettings that change no weight and no held-out loss: where it runs, in which portions, how often it
saves and says something. They stand in no fingerprint, and a change of one re-runs nothing."""


class TrainSettings(Settings):
    """Optimiser and budgets shared by all models and arms."""

    seed: int = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """cpu: jobs of training and evaluation ask the scheduler for no GPU; auto takes a GPU where there is one."""
    budget_by: Literal["tokens", "steps"] = "tokens"
    optimiser: Literal["adamw", "muon"] = "adamw"
    """muon: hidden matrices by Muon, embeddings and gains by AdamW."""
    muon_rate_ratio: PositiveFloat = 10.0
    """Muon's learning rate over that of AdamW, which the rounds state."""
    schedule: Literal["cosine", "linear"] = "cosine"
    warmup_steps: NonNegativeInt = 0
    """Linear warm-up at the start of every round; the paper states none."""
    betas: tuple[_Beta, _Beta] = (0.9, 0.95)
    weight_decay: NonNegativeFloat = 0.1
    gradient_clip: PositiveFloat = 1.0
    precision: Literal["bf16", "fp32"] = "bf16"
    micro_batch_sequences: PositiveInt | None = None
    """Contexts per forward pass; the gradients of a step add up. Default: the whole batch on a CPU, at most 32,768
    tokens a pass on a GPU."""
    validate_every_steps: PositiveInt = 1000
    valid_rows_per_source: PositiveInt = 256
    """Held-out rows behind every point of the curve; always the same ones."""
    log_every_steps: PositiveInt = 10
    checkpoint_every_seconds: PositiveInt = 600
    keep_checkpoints: PositiveInt = 2
    on_code_change: Literal["rerun", "keep", "stop"] = "stop"
    """What a change of the training code does to a finished round."""
    rounds: list[Round] = []


class AnnealSettings(Settings):
    """Short runs with the learning rate linearly to 0, one per candidate mix; lowest objective wins."""

    model: str
    n_steps: PositiveInt = 1000
    seeds: Annotated[list[int], Field(min_length=1)] = [1]
    candidates_round2: list[Name] = []
    candidates_round3: list[Name] = []
    objective_weights: dict[Literal["nucleotides", "proteins", "refseq", "gene", "web"], NonNegativeFloat] = {
        "nucleotides": 1.0, "proteins": 1.0, "refseq": 1.0, "gene": 1.0,
    }  # fmt: skip
    """Weights of the held-out bits per letter; fixed beforehand, never following a candidate's own mix."""


class FineTuneSettings(Settings):
    """Fine-tuning of one checkpoint on one task."""

    learning_rate: PositiveFloat = 1e-6
    head_learning_rate: PositiveFloat = 1e-6
    batch_size: PositiveInt = 16
    max_epochs: PositiveInt = 10
    patience_epochs: PositiveInt = 2
    seeds: Annotated[list[int], Field(min_length=1)] = [1]
    max_train_items: PositiveInt | None = None


class Evaluation(Settings):
    """One row of "what is evaluated where": a task, how it is measured, on which checkpoints."""

    task: TaskName
    setting: Literal["fine-tuned", "few-shot", "zero-shot", "language-model"]
    checkpoints: Annotated[list[Annotated[str, Field(pattern=r"^[RSL][123]$")]], Field(min_length=1)]
    """R = mixed arm of the smaller model, S = its single-modal arm, L = larger model; the digit is the round."""
    shots: list[NonNegativeInt] = []


class BootstrapSettings(Settings):
    """Percentile intervals over test items."""

    n_resamples: Annotated[int, Field(ge=100)] = 1000
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    seed: int = 1


class BaselineSettings(Settings):
    """Majority or mean, and k-mer counts under a linear model, on the same splits."""

    k_nucleotides: Annotated[int, Field(ge=1, le=8)] = 4
    k_amino_acids: Annotated[int, Field(ge=1, le=4)] = 2
    seed: int = 1


class EvaluateSettings(Settings):
    """The evaluation matrix."""

    one_job_per: Literal["checkpoint", "task"] = "task"
    """checkpoint: all tasks of one setting in one process, where starting processes would take longest."""
    fine_tune: FineTuneSettings = FineTuneSettings()
    valid_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    """Cut from the training items, by item, where a benchmark has no usable validation part."""
    min_few_shot_items: PositiveInt = 10
    """Items of each class, in validation and in test, that must fit with the demonstrations; shot counts for which
    fewer fit are left out and named."""
    few_shot_seed: int = 1
    """Of the choice and order of demonstrations."""
    max_valid_tokens: PositiveInt = 2_000_000
    """Held-out tokens per source behind validation loss and perplexity."""
    batch_tokens: PositiveInt = 8192
    """Tokens scored at once; a memory setting, results do not depend on it."""
    bootstrap: BootstrapSettings = BootstrapSettings()
    baselines: BaselineSettings = BaselineSettings()
    matrix: list[Evaluation] = []
