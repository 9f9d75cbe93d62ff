"""Bad files of a media mix model through the command: one error that names the place, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import workbench.cli.mix
from workbench.cli.app import app
from workbench.errors import BadInput, NotEnoughData, WorkbenchError
from workbench.mmm.simulation import simulate_market

assert workbench.cli.mix  # its import adds the commands
SPEC = "name: weekly\noutcome: revenue\nchannels: [tv, search]\ncontrols: [price]\ndata: sales.csv\n"
REGIONS = SPEC + "region: region\n"
LIFT = (
    "lift_tests: [{channel: tv, start: %s, end: %s, spend_change: 10, outcome_change: 9, error: 2, "
    "regions: [%s]}]\n"
)
Change = Callable[[pd.DataFrame], pd.DataFrame]


def check(folder: Path, spec: str) -> str:
    (folder / "weekly.yaml").write_text(spec)
    done = CliRunner().invoke(app, ["mmm", "check", str(folder / "weekly.yaml")])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def write(folder: Path, change: Change, regions: int = 1) -> None:
    table = simulate_market(seed=4, periods=104, channels=2, regions=regions).table
    change(table.astype({"date": str})).to_csv(folder / "sales.csv", index=False)


def _at(column: str, row: int, value: object) -> Change:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table[column] = table[column].astype(object)
        table.loc[row, column] = value
        return table

    return change


def _same(table: pd.DataFrame) -> pd.DataFrame:
    return table


def _days_then_weeks(table: pd.DataFrame) -> pd.DataFrame:
    days = [*pd.date_range("2022-01-01", periods=40), *pd.date_range("2022-02-10", periods=64, freq="7D")]
    return table.assign(date=[f"{day:%Y-%m-%d}" for day in days])


NATIONAL: list[tuple[str, Change, str, type[WorkbenchError]]] = [
    ("a gap", lambda table: table.drop(index=30), "1 week .* is missing, the first is 2022-08-01", BadInput),
    (
        "a week twice",
        lambda table: pd.concat([table, table[9:10]]),
        "row 106, column 'date': 2022-03-07 stands more than once",
        BadInput,
    ),
    ("all zeros", lambda table: table.assign(tv=0), "column 'tv': the channel 'tv' never spends", BadInput),
    ("negative spend", _at("search", 7, -5), "row 9, column 'search', value '-5.0': it is below 0", BadInput),
    ("no outcome", _at("revenue", 3, "NaN"), "row 5, column 'revenue': no number stands here", BadInput),
    ("an empty cell", _at("revenue", 3, ""), "row 5, column 'revenue': no number stands here", BadInput),
    ("infinity", _at("revenue", 3, "1e999"), "row 5, column 'revenue'.*not finite", BadInput),
    ("decimal commas", _at("search", 7, "12,5"), "row 9, column 'search', value '12,5': not a", BadInput),
    ("short", lambda table: table[:51], "51 weeks .* at least 52 weeks", NotEnoughData),
    ("mixed", _days_then_weeks, "days and weeks are mixed", BadInput),
    ("other dates", _at("date", 0, "03.01.2022"), "row 2, column 'date', value '03.01.2022'", BadInput),
    ("a script", _at("tv", 2, "<script>=cmd|' /C calc'!A0"), "row 4, column 'tv', value .<script>", BadInput),
    ("no column", lambda table: table.rename(columns={"tv": "TV"}), "Did you mean 'TV'", BadInput),
    ("empty", lambda table: table[:0], "no row", BadInput),
]


@pytest.mark.parametrize(
    ("change", "said", "kind"), [one[1:] for one in NATIONAL], ids=[one[0] for one in NATIONAL]
)
def test_one_error_names_the_place(
    tmp_path: Path, change: Change, said: str, kind: type[WorkbenchError]
) -> None:
    write(tmp_path, change)
    with pytest.raises(kind, match=said) as raised:
        check(tmp_path, SPEC)
    assert "\n" not in str(raised.value)
    assert kind is NotEnoughData or str(tmp_path / "sales.csv") in str(raised.value)


def test_regions_that_miss_weeks(tmp_path: Path) -> None:
    write(tmp_path, lambda table: table.drop(index=[5, 110, 111]), regions=3)
    with pytest.raises(BadInput, match="2 of 3 regions miss periods: 'region_01' has no row for 2022-02-07"):
        check(tmp_path, REGIONS)
    with pytest.raises(BadInput, match=r"stands more than once.*name the column of the region"):
        check(tmp_path, SPEC)


@pytest.mark.parametrize(
    ("first", "last", "regions", "said"),
    [
        ("2021-12-01", "2022-02-01", "", "outside of the data from 2022-01-03 to 2023-12-31"),
        ("2023-12-01", "2024-01-01", "", "outside of the data"),
        ("2023-01-02", "2023-02-05", "region_2", "No region named 'region_2'. Did you mean 'region_02'"),
    ],
)
def test_lift_tests_outside_of_the_data(
    tmp_path: Path, first: str, last: str, regions: str, said: str
) -> None:
    write(tmp_path, _same, regions=3)
    with pytest.raises(BadInput, match=said):
        check(tmp_path, REGIONS + LIFT % (first, last, regions))


def test_two_identical_channels_are_refused_in_words(tmp_path: Path) -> None:
    write(tmp_path, lambda table: table.assign(search=table.tv))
    assert "tv and search are the same figures: no data can share" in check(tmp_path, SPEC)


def test_order_signs_and_encoding_do_not_matter(tmp_path: Path) -> None:
    def told(path: Path) -> str:
        done = CliRunner().invoke(
            app, ["mmm", "check", str(tmp_path / "weekly.yaml"), "--data", str(path), "--json"]
        )
        return next(line for line in done.stdout.splitlines() if "fingerprint" in line)

    write(tmp_path, _same)
    (tmp_path / "weekly.yaml").write_text(SPEC)
    table = pd.read_csv(tmp_path / "sales.csv")
    table.sample(frac=1, random_state=np.random.RandomState(1)).to_csv(
        tmp_path / "other.csv", sep=";", encoding="utf-16", index=False
    )
    table.assign(date=pd.to_datetime(table.date)).to_parquet(tmp_path / "typed.parquet")
    assert told(tmp_path / "sales.csv") == told(tmp_path / "other.csv") == told(tmp_path / "typed.parquet")


def test_hostile_names_are_only_names(tmp_path: Path) -> None:
    name = "'; DROP TABLE facts; -- <img src=x onerror=alert(1)>"
    write(tmp_path, lambda table: table.rename(columns={"tv": name}))
    quoted = name.replace("'", "''")
    said = check(tmp_path, SPEC.replace("[tv, search]", f"['{quoted}', search]"))
    assert "104 weeks and 2 channels" in said
