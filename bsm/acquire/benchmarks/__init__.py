"""Benchmarks: fetched in their publishers' formats, turned into BENCHMARK_ITEMS, counts checked."""
