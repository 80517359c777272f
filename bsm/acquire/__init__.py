"""Acquire: fetch and verify the files of every source, and turn every benchmark into one table."""
