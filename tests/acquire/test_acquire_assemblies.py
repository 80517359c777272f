"""Resolving a name to an assembly, on rows of ours and on real excerpts of assembly_summary files."""

from __future__ import annotations

from datetime import date

import pytest

from bsm.acquire.assemblies import Resolver, read_summary
from bsm.acquire.checksums import parse_installed, parse_md5_list, parse_metalink
from bsm.base.config.sources import Species
from bsm.base.errors import InputError


@pytest.fixture
def resolve(mirror):
    def resolve(rows, name="Testa prima", frozen=None, **species):
        table = mirror.summary("refseq", rows)
        return Resolver(Species(name=name, **species), frozen).resolve(read_summary(table))

    return resolve


def test_the_reference_genome_of_the_exact_species_wins(resolve, tools):
    row = tools.summary_row
    found = resolve([
        row("GCF_000000001.1", "Testa prima", 7),
        row("GCF_000000002.1", "Testa prima", 7, refseq_category="reference genome"),
        row("GCF_000000000.1", "Testa primata", 8, refseq_category="reference genome"),
        row("GCF_000000003.1", "Testa prima strain X", 7, refseq_category="reference genome"),
    ])  # fmt: skip
    assert found.assembly.accession == "GCF_000000002.1" and found.resolved_by == "species"
    assert found.candidates == ("GCF_000000002.1", "GCF_000000001.1")


def test_a_subspecies_is_found_by_species_taxid(resolve, tools):
    row = tools.summary_row("GCF_000000001.1", "Testa prima insignis", 70, species_taxid=7)
    assert resolve([row], taxid=7).resolved_by == "species"
    assert resolve([row]).resolved_by == "name_continues"


def test_a_genus_gives_its_annotated_reference_with_the_smallest_accession(resolve, tools):
    row = tools.summary_row
    found = resolve([
        row("GCF_000000009.1", "Testa prima", 7, refseq_category="reference genome"),
        row("GCF_000000005.1", "Testa secunda", 8, refseq_category="reference genome"),
        row("GCF_000000001.1", "Testa tertia", 9),
        row("GCF_000000000.1", "Testaria prima", 10, refseq_category="reference genome"),
    ], name="Testa")  # fmt: skip
    assert found.assembly.accession == "GCF_000000005.1" and found.resolved_by == "name_continues"
    assert len(found.candidates) == 3


@pytest.mark.parametrize("late", [{"seq_rel_date": "2024-10-02"}, {"annotation_date": "10/02/24"}])
def test_what_came_after_the_frozen_date_is_not_considered(resolve, tools, late):
    rows = [tools.summary_row("GCF_000000001.1", "Testa prima", 7, **late)]
    assert resolve(rows, frozen=date(2024, 10, 1)) is None
    assert resolve(rows, frozen=date(2024, 10, 2)) is not None
    assert resolve(rows, frozen=date(2024, 10, 1), accession="GCF_000000001.1").resolved_by == "accession"


def test_replaced_versions_are_left_out(resolve, tools):
    assert resolve([tools.summary_row("GCF_000000001.1", "Testa prima", 7, version_status="replaced")]) is None


def test_an_unannotated_assembly_is_named_in_the_error(mirror, tools):
    rows = [tools.summary_row("GCA_000000001.1", "Testa prima", 7, annotation_name="na", annotation_date="na")]
    resolver = Resolver(Species(name="Testa prima"), None)
    assert resolver.resolve(read_summary(mirror.summary("genbank", rows))) is None
    assert "without annotation: GCA_000000001.1" in str(resolver.failure())
    assert "RefSeq, else GenBank" in str(resolver.failure())


@pytest.mark.parametrize(
    ("name", "n_rows", "organism"),
    [
        ("new_format_summary.txt", 1, "Buchnera aphidicola"),
        ("assembly_status.txt", 5, "Azorhizobium caulinodans ORS 571"),
        ("partial_summary.txt", 4, "Azorhizobium caulinodans ORS 571"),
        ("type_material.txt", 1, "Myxococcus fulvus"),
        ("weird_organism_name_summary.txt", 1, "archaeon"),
    ],
)
def test_real_excerpts_of_old_and_new_layout_are_read(shared_data, name, n_rows, organism):
    rows = list(read_summary(shared_data("ncbi/tables") / name))
    assert len(rows) == n_rows
    first = rows[0]
    assert first.organism_name == organism and first.released is not None
    assert first.folder.startswith("genomes/all/GC") and "://" not in first.folder
    assert first.is_annotated == first.accession.startswith("GCF_")


def test_a_name_that_names_no_species_is_reported_by_line(shared_data, capsys):
    path = shared_data("ncbi/tables") / "weird_organism_name_summary.txt"
    [row] = read_summary(path)
    assert row.organism_name == "archaeon"
    assert f"{path}: 1 organism name(s) that name no species: line 3 'archaeon'" in capsys.readouterr().err
    list(read_summary(shared_data("ncbi/tables") / "new_format_summary.txt"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["partial_summary.txt", "new_format_summary.txt", "assembly_status.txt"])
def test_real_excerpts_that_are_cut_are_reported_by_line(shared_data, tmp_path, capsys, name):
    text = (shared_data("ncbi/tables") / name).read_text()
    lines = text.splitlines(keepends=True)
    n_header = sum(line.startswith("#") for line in lines)
    table = tmp_path / name
    table.write_text("".join([*lines[:n_header], lines[n_header][:150] + "\n", *lines[n_header:]]))
    assert len(list(read_summary(table))) == len(lines) - n_header
    assert f"{table}:{n_header + 1}: row of" in capsys.readouterr().err
    table.write_text(text.rstrip("\n")[:-150])
    with pytest.raises(InputError, match=rf"{table}:{len(lines)}: the last line is cut"):
        list(read_summary(table))


def test_dates_of_the_new_layout_are_read(shared_data):
    [row] = read_summary(shared_data("ncbi/tables") / "new_format_summary.txt")
    assert (row.released, row.annotation_date) == (date(2016, 11, 25), date(2023, 4, 26))


def test_an_assembly_without_a_folder_is_no_candidate(shared_data):
    rows = read_summary(shared_data("ncbi/tables") / "assembly_status.txt")
    assert Resolver(Species(name="Testus organismus strain QA1"), None).resolve(rows) is None


def test_a_cut_last_line_is_an_error_and_an_odd_row_a_warning(mirror, tools, capsys):
    table = mirror.summary("refseq", [tools.summary_row("GCF_000000001.1", "Testa prima", 7)] * 3)
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join([*lines[:3], "GCF_1\tshort\n", lines[4]]))
    assert len(list(read_summary(table))) == 2
    assert f"{table}:4" in capsys.readouterr().err
    table.write_text("".join(lines)[:-200])
    with pytest.raises(InputError, match=rf"{table}:5.*cut"):
        list(read_summary(table))


def test_a_table_with_another_header_is_refused(mirror):
    table = mirror.write("t.txt", "#assembly_accession\ttaxid\nGCF_1\t7\n")
    with pytest.raises(InputError, match="missing column"):
        list(read_summary(table))
    with pytest.raises(InputError, match="no header"):
        list(read_summary(mirror.write("u.txt", "a\tb\n")))


def test_real_md5_lists_are_read(shared_data):
    path = shared_data("ncbi/tables") / "md5checksums.txt"
    found = parse_md5_list(path.read_text(), str(path))
    assert len(found) == 6
    assert found["GCA_002803825.1_ASM280382v1_genomic.gbff.gz"] == "0eedefaceed74d2054506f1e8fec491c"


def test_checksum_lists_of_the_publishers_are_read():
    assert parse_md5_list(f"{'a' * 32}  ./sub/x_genomic.fna.gz\n", "x") == {"sub/x_genomic.fna.gz": "a" * 32}
    assert parse_installed(f"{'b' * 32}\tf.1.rna.fna.gz\n12345\tg.1.rna.fna.gz\n", "x") == {
        "f.1.rna.fna.gz": "b" * 32, "g.1.rna.fna.gz": "",
    }  # fmt: skip
    with pytest.raises(InputError, match="x:1"):
        parse_md5_list("<html>", "x")
    text = (
        '<?xml version="1.0"?><metalink xmlns="http://www.metalinker.org/"><version>2024_05</version><files>'
        '<file name="uniprot_sprot.fasta.gz"><size>12</size><verification><hash type="md5">AB</hash></verification>'
        "</file></files></metalink>"
    )
    assert parse_metalink(text, "x") == ("2024_05", {"uniprot_sprot.fasta.gz": (12, "ab")})
