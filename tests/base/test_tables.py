"""Tables keep their schema, also when empty; a file with another schema is refused."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bsm.base import tables
from bsm.base.errors import InputError
from bsm.base.files import file_hash

ALL_SCHEMAS = {name: value for name, value in vars(tables).items() if name.isupper() and isinstance(value, pa.Schema)}


def piece(i: int, letters: str = "acgt") -> dict[str, object]:
    return {"record_id": f"s:{i}", "piece": 0, "source": "s", "part": "all", "modality": "dna", "sequence": letters}


@pytest.mark.parametrize("name", sorted(ALL_SCHEMAS))
def test_an_empty_table_has_its_canonical_schema(tmp_path, name):
    path = tmp_path / "empty.parquet"
    tables.write_table(path, [], ALL_SCHEMAS[name])
    assert tables.read_table(path, ALL_SCHEMAS[name]).schema.equals(ALL_SCHEMAS[name])


def test_rows_come_back_in_order_with_nulls_for_absent_columns(tmp_path):
    rows = [piece(i) for i in range(20_000)]
    tables.write_table(tmp_path / "t.parquet", rows, tables.PIECES)
    table = tables.read_table(tmp_path / "t.parquet", tables.PIECES)
    assert table.column("record_id").to_pylist() == [r["record_id"] for r in rows]
    assert table.column("gene_id").null_count == 20_000


def test_row_groups_close_by_rows_and_by_bytes(tmp_path):
    tables.write_table(tmp_path / "rows.parquet", (piece(i) for i in range(40_000)), tables.PIECES)
    assert pq.ParquetFile(tmp_path / "rows.parquet").num_row_groups == 3
    chromosome = "a" * (tables.ROW_GROUP_BYTES // 2)
    tables.write_table(tmp_path / "bytes.parquet", (piece(i, chromosome) for i in range(4)), tables.PIECES)
    assert pq.ParquetFile(tmp_path / "bytes.parquet").num_row_groups == 2
    assert sum(t.num_rows for t in tables.iter_tables(tmp_path / "bytes.parquet", tables.PIECES)) == 4


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        tables.write_table(tmp_path / name, [piece(i) for i in range(100)], tables.PIECES)
    assert file_hash(tmp_path / "a") == file_hash(tmp_path / "b")


def test_a_missing_column_is_named(tmp_path):
    pq.write_table(pa.table({"record_id": ["x"]}), tmp_path / "bad.parquet")
    with pytest.raises(InputError, match=r"bad\.parquet: missing column\(s\) piece, source"):
        tables.read_table(tmp_path / "bad.parquet", tables.PIECES)


def test_a_file_that_is_no_parquet_is_an_input_error(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        tables.read_table(tmp_path / "x.parquet", tables.PIECES)


def test_a_writer_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(RuntimeError), tables.TableWriter(tmp_path / "t.parquet", tables.PIECES) as writer:
        writer.add(piece(1))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_row_group_is_an_input_error(tmp_path):
    path = tmp_path / "t.parquet"
    tables.write_table(path, [piece(i, "acgt" * 500) for i in range(2_000)], tables.PIECES)
    data = bytearray(path.read_bytes())
    data[200:2_000] = bytes(1_800)
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"t\.parquet: cannot read row group 0"):
        list(tables.iter_tables(path, tables.PIECES))
