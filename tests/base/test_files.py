"""Files appear whole or not at all; damage in a compressed stream is named."""

from __future__ import annotations

import gzip

import pytest

from bsm.base.errors import InputError
from bsm.base.files import atomic_path, file_hash, open_bytes, reading, reading_text, write_gzip, write_json, write_text


def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path):
    target = tmp_path / "table.csv"
    write_text(target, "old")
    with pytest.raises(RuntimeError), atomic_path(target) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match=r"No space left on device.*nothing was left half-written"):  # noqa: SIM117
        with atomic_path(tmp_path / "out.bin") as partial:
            partial.symlink_to("/dev/full")
            partial.write_bytes(b"x" * 100_000)
    assert list(tmp_path.iterdir()) == []


def test_gzip_files_are_byte_stable_and_readable_by_the_standard_library(tmp_path):
    for name in ("a.gz", "b.gz"):
        write_gzip(tmp_path / name, b"acgt" * 1000)
    assert file_hash(tmp_path / "a.gz") == file_hash(tmp_path / "b.gz")
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"acgt" * 1000


@pytest.mark.parametrize("compressed", [True, False])
def test_compression_is_recognised_by_content_and_not_by_name(tmp_path, compressed):
    path = tmp_path / "plain.txt"
    path.write_bytes(gzip.compress(b"text") if compressed else b"text")
    with open_bytes(path) as handle:
        assert handle.read() == b"text"


def test_a_truncated_gzip_is_an_error_that_names_the_file_and_the_way_out(tmp_path):
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b"acgt" * 100_000)[:-200])
    with pytest.raises(InputError, match=r"cut\.gz: damaged or truncated gzip.*Fetch or copy"), reading(path) as handle:
        handle.read()


def test_a_flipped_byte_in_gzip_is_found(tmp_path):
    data = bytearray(gzip.compress(bytes(range(256)) * 400))
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "bad.gz").write_bytes(bytes(data))
    with pytest.raises(InputError, match="damaged"), reading(tmp_path / "bad.gz") as handle:
        handle.read()


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot read: No such file"):
        open_bytes(tmp_path / "absent")


def test_text_reading_accepts_every_line_end(tmp_path):
    (tmp_path / "mixed.txt").write_bytes(b"a\r\nb\rc\n")
    with reading_text(tmp_path / "mixed.txt") as handle:
        assert handle.read() == "a\nb\nc\n"


def test_json_is_byte_stable_whatever_the_order_of_keys(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": {"d": 2, "c": 3}})
    write_json(tmp_path / "b.json", {"a": {"c": 3, "d": 2}, "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
