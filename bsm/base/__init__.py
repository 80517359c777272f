"""Base floor: alphabet, table schemas, config, foreign formats, files. Imports nothing else of ours."""
