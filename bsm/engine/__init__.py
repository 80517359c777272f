"""Engine: network, shard loader and sampler, optimisers, trainer, scorer. Stands on base; stages stand on it."""
