"""Files of any form as one table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from workbench.errors import BadInput
from workbench.store.reading_table import read_table

FRAME = pd.DataFrame({"day": ["2024-01-01", "2024-01-02"], "tv": [1.5, 0.1 + 0.2], "note": ["a;b", "ü\nö"]})


@pytest.mark.parametrize("name", ["plain.csv", "signs.csv", "numbered.csv", "typed.parquet", "lines.jsonl"])
def test_every_form_gives_the_same_table(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    match name:
        case "plain.csv":
            FRAME.to_csv(path, index=False)
        case "signs.csv":
            FRAME.to_csv(path, index=False, sep="\t", encoding="utf-16")
        case "numbered.csv":
            FRAME.to_csv(path)
        case "typed.parquet":
            FRAME.to_parquet(path)
        case "lines.jsonl":
            FRAME.to_json(path, orient="records", lines=True, double_precision=15)
    table = read_table(path)
    assert table.column_names == list(FRAME)
    assert [float(value) for value in table["tv"].to_pylist()] == pytest.approx(FRAME.tv.tolist(), abs=1e-15)
    assert table["note"].to_pylist() == FRAME.note.tolist()
    assert [str(value)[:10] for value in table["day"].to_pylist()] == FRAME.day.tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("a,b\n1,2\n3\n", "row 3, value '3'"),
        ("a,,b\n1,2,3\n", "column 2 has no name"),
        ("a,a\n1,2\n", "column 'a': a column stands twice"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "sales*.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=message) as raised:
        read_table(path)
    assert "sales*.csv" in str(raised.value)


def test_a_key_that_the_first_lines_lack_is_a_column(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"week": 1}\n' * 2500 + '{"week": 2, "tv": 3}\n')
    rows = read_table(tmp_path / "a.jsonl")
    assert rows.column_names == ["week", "tv"]
    assert rows["tv"].to_pylist()[-1] == "3"


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(BadInput, match="it is a folder"):
        read_table(tmp_path)


@pytest.mark.data
def test_rows_numbered_by_pandas(public_data: Path) -> None:
    table = read_table(public_data / "mmm" / "meridian_simulated" / "geo_all_channels.csv")
    assert (table.num_rows, table.column_names[0]) == (6240, "geo")


def test_instants_are_those_of_utc(tmp_path: Path) -> None:
    days = pd.to_datetime(["2024-01-01", "2024-01-08"], utc=True)
    pd.DataFrame({"week": days}).to_parquet(tmp_path / "a.parquet")
    assert [str(value.date()) for value in read_table(tmp_path / "a.parquet")["week"].to_pylist()] == [
        "2024-01-01",
        "2024-01-08",
    ]


@pytest.mark.parametrize(
    ("content", "row", "column"),
    [
        ("week;spend;sales\n2024-01-01;987;10\n2024-01-08;1.234;10\n", 3, "spend"),
        ("week;spend;sales\n2024-01-01;987;12,5\n2024-01-08;1.234;10.5\n", 3, "spend"),
        ("week,spend,sales\n2024-01-01,1.234.567,1.234\n", 2, "sales"),
        ("week;spend;sales\n2024-01-01;987.5;1.234\n", None, ""),
        ("week,spend,sales\n2024-01-01,987,1.234\n", None, ""),
    ],
)
def test_points_that_may_part_thousands(tmp_path: Path, content: str, row: int | None, column: str) -> None:
    file = tmp_path / "weeks.csv"
    file.write_text(content)
    if row is None:
        assert read_table(file).num_rows > 0
        return
    with pytest.raises(BadInput, match="its point may part thousands or decimals") as refused:
        read_table(file)
    assert (refused.value.row, refused.value.column, refused.value.value) == (row, column, "1.234")
