"""Plausible English for web pages: a sentence bank over a few subjects and a small grammar. No text is copied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Topic:
    """Phrases of one subject; ``subjects`` are plural so that every action agrees with them."""

    titles: tuple[str, ...]
    subjects: tuple[str, ...]
    actions: tuple[str, ...]
    circumstances: tuple[str, ...]
    reasons: tuple[str, ...]


BIOLOGY = Topic(
    titles=("Notes from the practical course", "How a gene becomes a protein", "Reading a sequence record",
            "A small clone collection", "Frequently asked questions about our plasmids"),
    subjects=("many enzymes", "the students", "closely related genes", "introns", "ribosomes", "these strains",
              "transfer RNAs", "the two subunits", "cloned fragments", "most mutants", "structural RNAs"),
    actions=("fold within a few milliseconds", "carry a short leader at their start", "are cut out before translation",
             "keep their active site unchanged", "grow slowly on minimal medium", "share most of their letters",
             "are read three letters at a time", "bind the same small molecule", "were compared by eye first",
             "lose their function when a single residue changes", "form a hairpin with a short loop"),
    circumstances=("in the cold room", "in almost every organism", "after the second wash", "under the microscope",
                   "during the exponential phase", "at the end of the week", "in both directions of the strand"),
    reasons=("the membrane must stay closed", "selection removes the rest", "the code is redundant",
             "pairing partners change together", "a stop codon ends the reading", "the primer was a little too short"),
)  # fmt: skip
GARDENING = Topic(
    titles=("A calm year in the vegetable garden", "Compost without fuss", "Pruning old apple trees",
            "What to sow in early spring", "Water, mulch and patience"),
    subjects=("tomatoes", "young seedlings", "earthworms", "old apple trees", "climbing beans", "slugs",
              "raised beds", "heavy clay soils", "wild bees", "winter vegetables"),
    actions=("need a sheltered corner", "prefer a loose, dark soil", "suffer when the nights are cold",
             "return year after year", "should be watered in the morning", "dislike wet feet",
             "do better beside marigolds", "repay a little shade", "ripen slowly but evenly"),
    circumstances=("in late March", "behind the greenhouse", "after a dry summer", "on a south-facing wall",
                   "in most gardens", "before the first frost", "under a thin layer of straw"),
    reasons=("the roots cannot breathe", "the days grow longer", "mulch keeps the moisture in",
             "nitrogen is washed out by rain", "the wind dries the leaves", "birds find the rest"),
)  # fmt: skip
HISTORY = Topic(
    titles=("Canals before the railway", "A market town and its charter", "Paper, printing and letters",
            "Lighthouses of the northern coast", "How the weavers organised"),
    subjects=("the merchants", "local farmers", "early printers", "the canal companies", "travelling scholars",
              "lighthouse keepers", "the weavers", "town councils", "ship owners", "parish records"),
    actions=("left careful accounts", "argued about tolls for decades", "moved their workshops closer to the river",
             "paid in grain rather than coin", "copied one another's maps", "asked the crown for help",
             "kept the old calendar", "trusted letters more than rumours", "rebuilt the bridge twice"),
    circumstances=("in the years after the flood", "along the old road", "by the end of the century", "during the war",
                   "in the smaller ports", "until the new harbour opened", "with few exceptions"),
    reasons=("wood had become expensive", "the treaty had run out", "news travelled slowly",
             "the harvest failed two years in a row", "credit was hard to find", "nobody could read the seal"),
)  # fmt: skip
COMPUTING = Topic(
    titles=("Understanding checksums", "Backups that you can restore", "A gentle introduction to queues",
            "Why the build was slow", "Text encodings in ten minutes"),
    subjects=("most programmers", "hash functions", "small files", "network cables", "database indexes",
              "unit tests", "log files", "file systems", "remote workers", "old scripts"),
    actions=("fail without a message", "are cheaper than they look", "deserve a second copy",
             "hide a missing line ending", "scale with the number of readers", "wait for the slowest disk",
             "should be checked every night", "give the same answer twice", "grow until somebody looks"),
    circumstances=("on a busy server", "after an upgrade", "in the default configuration", "when the cache is cold",
                   "over a slow link", "in production", "with a single thread"),
    reasons=("memory is never free", "the clock had drifted", "two processes hold the same lock",
             "the documentation was out of date", "buffers are flushed late", "nobody measured it before"),
)  # fmt: skip
WEATHER = Topic(
    titles=("Clouds over the valley", "Measuring rain at home", "Why the barometer falls", "Ice on the lake",
            "Tides and harbour walls"),
    subjects=("high clouds", "westerly winds", "cold fronts", "mountain valleys", "spring tides", "thunderstorms",
              "small harbours", "rain gauges", "morning fogs"),
    actions=("announce a change within a day", "keep the warm air near the ground", "bring more snow than rain",
             "are easily blocked by a ridge", "build up over the afternoon", "fade before midnight",
             "follow the shape of the coast", "can be read without instruments"),
    circumstances=("in late autumn", "over open water", "on the windward side", "around the solstice",
                   "at low pressure", "far from the city", "in two years out of three"),
    reasons=("the air can hold no more water", "land cools faster than the sea", "the moon stands close to the earth",
             "warm air rises", "the ground is still frozen", "the gauge was sheltered by a tree"),
)  # fmt: skip
TOPICS = (GARDENING, HISTORY, COMPUTING, WEATHER, BIOLOGY)

_PATTERNS = (
    "{subject} {action} {circumstance}.",
    "{circumstance}, {subject} {action}.",
    "{subject} {action}, because {reason}.",
    "Because {reason}, {subject} {action}.",
    "It is often said that {subject} {action}, but this is only true {circumstance}.",
    "Those who look closely will see that {subject} {action} {circumstance}.",
    "{subject} {action}, and {other} {more}.",
    "Whether {subject} {action} depends on one thing: {reason}.",
)


def sentence(topic: Topic, rng: np.random.Generator) -> str:
    """One sentence about the topic."""
    text = _one(_PATTERNS, rng).format(
        subject=_one(topic.subjects, rng), action=_one(topic.actions, rng), reason=_one(topic.reasons, rng),
        circumstance=_one(topic.circumstances, rng), other=_one(topic.subjects, rng), more=_one(topic.actions, rng),
    )  # fmt: skip
    return text[0].upper() + text[1:]


def paragraph(topic: Topic, rng: np.random.Generator, n_sentences: tuple[int, int] = (3, 7)) -> str:
    """A paragraph on one line, as web text extraction leaves it."""
    return " ".join(sentence(topic, rng) for _ in range(int(rng.integers(n_sentences[0], n_sentences[1] + 1))))


def title(topic: Topic, rng: np.random.Generator) -> str:
    return _one(topic.titles, rng)


def any_topic(rng: np.random.Generator) -> Topic:
    return TOPICS[int(rng.integers(len(TOPICS)))]


def _one(phrases: tuple[str, ...], rng: np.random.Generator) -> str:
    return phrases[int(rng.integers(len(phrases)))]
