"""Stage shard: clean corpora become samples, windows, tokens and packed Parquet shards."""
