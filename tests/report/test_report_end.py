"""``bsm report end``: where things are and how long the stages took, whatever is there."""

from __future__ import annotations

import json

import pytest

from bsm.cli import main

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@pytest.fixture
def run(tmp_path):
    """Logs of a finished run; ``run()`` returns the lines of the message."""
    for path, rows in {
        "miniature.tsv": "2.50\t0:00:02\t138.00\t1\t1\t1\t0\t0\t90\t2.25\n",
        "train/m.mixed.round1.tsv": "1000.00\t0:16:40\t900.00\t1\t1\t1\t0\t0\t90\t950.00\n",
        "acquire/a/x.tsv": "1.00\t0:00:01\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA\n",
        "acquire/b.tsv": "2.00\t0:00:02\t50.00\t1\t1\t1\t0\t-\t90\t1.50\n",
        "own/c.tsv": "4.00\t0:00:04\t50.00\t1\t1\t1\t0\t-\t90\t1.00\n",
    }.items():
        (tmp_path / "logs/times" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "logs/times" / path).write_text(HEADER + rows)

    def call(capsys):
        assert (
            main(["report", "end", "--times", str(tmp_path / "logs/times"), "--out-dir", str(tmp_path / "results")])
            == 0
        )
        return capsys.readouterr().out.splitlines()

    return call


def _checkpoint(folder, speed, training="{}"):
    folder.mkdir(parents=True)
    (folder / "training.json").write_text(training)
    (folder / "model.safetensors").write_bytes(b"")
    (folder / "speed.json").write_text(speed)


def test_seconds_jobs_and_memory_are_summed_by_stage_in_the_order_of_the_graph(run, capsys):
    assert run(capsys)[1:] == [
        "             jobs  seconds  CPU s  most memory",
        "  miniature     1      2.5    2.2       138 MB",
        "  acquire       2      3.0    1.5        50 MB",
        "  train         1  1,000.0  950.0       900 MB",
        "  own           1      4.0    1.0        50 MB",
        "  all           5  1,009.5  954.8       900 MB",
    ]


def test_only_what_is_there_is_named(run, capsys, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "table1.csv").write_text("")
    folder = tmp_path / "runs" / "m"
    _checkpoint(folder / "mixed" / "round1", json.dumps({"tokens_per_second": 4321.9}))
    _checkpoint(folder / "mixed" / "round2", json.dumps({"tokens_per_second": 5000}))
    _checkpoint(folder / "single" / "round2", "not JSON")
    lines = run(capsys)
    text = "\n".join(lines)
    assert f"{tmp_path}/results/table1.csv" in text and "table1.md" not in text
    assert "3 checkpoints" in text and f'from_pretrained("{folder}/mixed/round2")' in text
    assert lines[-2:] == ["Training, tokens per second", "  m mixed  round1 4,322  round2 5,000"]
    assert len(lines) <= 30


def test_the_checkpoint_to_load_is_the_mixed_arms_last_round_of_the_largest_model(run, capsys, tmp_path):
    for model, size in (("a-large", 900), ("b-small", 100)):
        for place in ("mixed/round1", "mixed/round3", "no_web/round3", "unpaired/round3"):
            _checkpoint(tmp_path / "runs" / model / place, "{}", json.dumps({"n_parameters": size}))
    _checkpoint(tmp_path / "runs/c-damaged/mixed/round3", "{}", "no JSON")
    assert f'from_pretrained("{tmp_path}/runs/a-large/mixed/round3")' in "\n".join(run(capsys))


def test_damaged_or_missing_files_fail_nothing(run, capsys, tmp_path):
    times = tmp_path / "logs/times"
    (times / "train" / "empty.tsv").write_text("")
    (times / "train" / "binary.tsv").write_bytes(b"\xff\xfe\x00")
    (times / "train" / "folder.tsv").mkdir()
    (times / "train" / "words.tsv").write_text(HEADER + "soon\n")
    _checkpoint(tmp_path / "runs/m/mixed/round1", "[1]")
    assert "  train         1  1,000.0  950.0       900 MB" in run(capsys)
    assert main(["report", "end", "--times", str(tmp_path / "absent"), "--out-dir", str(tmp_path / "absent/too")]) == 0
    assert capsys.readouterr().out == ""
