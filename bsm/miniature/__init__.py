"""The miniature: a seeded, known-answer model of biology, written as mirrors of the publishers' servers."""
