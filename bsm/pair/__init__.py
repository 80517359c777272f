"""Stage pair: exact DNA, RNA and protein of every gene from genome and annotation."""
