"""What a media mix model is fitted to: a table turned into checked arrays."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from workbench.errors import BadInput, unknown_name
from workbench.mmm.calendar import LENGTH, Period, period_of, refuse_unfinished
from workbench.mmm.columns import days_of, names_of, numbers_of, refuse_missing
from workbench.mmm.spec import Channel, LiftTest, MixSpec

Array = npt.NDArray[np.float64]
EVERYWHERE = "all"
MOST_ALONE = 0.1
_ARRAYS = ("outcome", "spend", "exposure", "control")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Market:
    """Outcome, media and controls by region and period: complete, finite and in order of time.

    Parameters
    ----------
    dates : array of datetime64[D], shape (T,)
        First day of every period, without gaps.
    period : {'day', 'week'}
        How far two dates are apart.
    regions : tuple of str
        R names; ``("all",)`` for a national market.
    channels, controls : tuple of str
        C and K names.
    outcome : array, shape (R, T)
        What is explained, in its own unit per period.
    spend : array, shape (R, T, C)
        Money per period.
    exposure : array, shape (R, T, C)
        What drives the effect: impressions where a channel names them, else its spend.
    control : array, shape (R, T, K)
        Controls as they stand in the table.
    fingerprint : str
        SHA-256 of everything above: the same market has the same one.
    """

    dates: npt.NDArray[np.datetime64]
    period: Period
    regions: tuple[str, ...]
    channels: tuple[str, ...]
    controls: tuple[str, ...]
    outcome: Array
    spend: Array
    exposure: Array
    control: Array
    fingerprint: str

    def __repr__(self) -> str:
        size = f"{len(self.channels)} channels, {len(self.regions)} regions, {len(self.dates)} {self.period}s"
        return f"Market: {size}"

    def between(self, first: int, after: int) -> Market:
        """Return the periods from `first` to before `after`, as a market of its own."""
        cut = {name: getattr(self, name)[:, first:after] for name in _ARRAYS}
        shorter = replace(self, dates=self.dates[first:after], fingerprint="", **cut)
        return replace(shorter, fingerprint=fingerprint_of(shorter))


def market_of(spec: MixSpec, table: object, *, file: object = None, last_day: date | None = None) -> Market:
    """Return the arrays that a model is fitted to, once nothing about the table is wrong.

    Parameters
    ----------
    spec : MixSpec
        Says which columns are read; further ones are left alone.
    table : table
        pandas, polars or Arrow, one row for each period, or for each region and period, in any order.
    file : object, optional
        What the table is called in messages.
    last_day : date, optional
        The last day that the data reach: a last week that ends later is refused as incomplete.

    Returns
    -------
    Market
        Regions by name, periods by time.

    Raises
    ------
    BadInput
        Naming the file, row, column and value: a column that is missing, a date that cannot be read or
        stands twice, a gap, days mixed with weeks, a region without some periods, text, NaN, an infinite or
        negative number in spend or outcome, a channel that never spends, more than a tenth of its money in
        periods without exposure or the reverse, a lift test outside of the data.
    NotEnoughData
        With fewer than 52 weeks or 364 days.

    Examples
    --------
    >>> weeks = np.arange("2022-01-03", "2024-01-01", 7, dtype="datetime64[D]")
    >>> spend = 100.0 + np.arange(len(weeks)) % 7
    >>> table = {"date": weeks, "tv": spend, "revenue": 5 * spend}
    >>> spec = MixSpec(name="weekly", outcome="revenue", channels=(Channel(name="tv"),))
    >>> market = market_of(spec, table)
    >>> market.period, market.regions, market.spend.shape
    ('week', ('all',), (1, 104, 1))
    """
    refuse_missing(table, _columns(spec), file=file)
    days = days_of(table, spec.date, file=file)
    region = names_of(table, spec.region, file=file) if spec.region else np.full(len(days), EVERYWHERE)
    dates, rows = _places(spec, days, region, file)
    period = period_of(dates, file=file, column=spec.date)
    if last_day is not None:
        refuse_unfinished(dates, period, last_day, file=file)

    def grid(columns: list[Array]) -> Array:
        flat = np.stack(columns, axis=-1) if columns else np.zeros((len(days), 0))
        return flat[rows]

    spend = [numbers_of(table, one.spend_column, file=file, fix=_NO_SPEND) for one in spec.channels]
    exposure = [_exposure(one, table, money, file) for one, money in zip(spec.channels, spend, strict=True)]
    outcome = numbers_of(table, spec.outcome, file=file, fix=_NO_OUTCOME)
    if not outcome.any():
        raise BadInput("it is 0 in every period", file=file, column=spec.outcome, expected="an outcome")
    controls = [numbers_of(table, name, file=file, signed=True) for name in spec.controls]
    market = Market(
        dates=dates,
        period=period,
        regions=tuple(str(name) for name in np.unique(region)),
        channels=spec.channel_names,
        controls=spec.controls,
        outcome=outcome[rows],
        spend=grid(spend),
        exposure=grid(exposure),
        control=grid(controls),
        fingerprint="",
    )
    for test in spec.lift_tests:
        check_lift_test(test, market)
    return replace(market, fingerprint=fingerprint_of(market))


_NO_SPEND = "Write 0 where nothing was spent; take refunds off the period in which the money was spent."
_NO_OUTCOME = "Fill in what is missing, and count what was sold before returns."


def _columns(spec: MixSpec) -> list[str]:
    exposures = [one.exposure for one in spec.channels if one.exposure]
    regions = [spec.region] if spec.region else []
    spends = [one.spend_column for one in spec.channels]
    return [spec.date, *regions, spec.outcome, *spends, *exposures, *spec.controls]


def _places(
    spec: MixSpec, days: npt.NDArray[np.datetime64], region: npt.NDArray[np.str_], file: object
) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.intp]]:
    """Return the days in order, and for each region and day the row it stands in."""
    if not len(days):
        raise BadInput("the table has no row", file=file)
    dates, day_place = np.unique(days, return_inverse=True)
    regions, region_place = np.unique(region, return_inverse=True)
    order = np.lexsort((np.arange(len(days)), day_place, region_place))
    place = region_place * len(dates) + day_place
    twice = np.flatnonzero(np.diff(place[order]) == 0)
    if len(twice):
        row = int(np.sort(order[twice + 1])[0])
        where = f"{days[row]} of {str(region[row])[:80]!r}" if spec.region else str(days[row])
        fix = "Add the rows up." if spec.region else "Add the rows up, or name the column of the region."
        raise BadInput(f"{where} stands more than once", file=file, row=row + 2, column=spec.date, fix=fix)
    if len(place) < len(dates) * len(regions):
        period_of(dates, file=file, column=spec.date)
        there = np.zeros((len(regions), len(dates)), bool)
        there.flat[place] = True
        lacking = np.flatnonzero(~there.all(axis=1))
        first = int(lacking[0])
        absent = dates[~there[first]]
        raise BadInput(
            f"{len(lacking)} of {len(regions)} regions miss periods: {str(regions[first])[:80]!r} has no row "
            f"for {absent[0]}" + (f" and {len(absent) - 1:,} more" if len(absent) > 1 else ""),
            file=file,
            column=spec.region,
            fix="Fill in what is missing, or leave these regions out.",
        )
    return dates, order.reshape(len(regions), len(dates))


def _exposure(channel: Channel, table: object, spend: Array, file: object) -> Array:
    if not spend.any():
        raise BadInput(
            f"the channel {channel.name[:80]!r} never spends",
            file=file,
            column=channel.spend_column,
            fix="Leave it out: nothing can be learnt of it.",
        )
    if channel.exposure is None:
        return spend
    exposure = numbers_of(table, channel.exposure, file=file)
    for having, lacking, columns in (
        (spend, exposure, (channel.spend_column, channel.exposure)),
        (exposure, spend, (channel.exposure, channel.spend_column)),
    ):
        alone = (having > 0) & (lacking == 0)
        if having[alone].sum() > MOST_ALONE * having.sum():
            row = int(np.flatnonzero(alone)[0])
            raise BadInput(
                f"{columns[0][:80]!r} without {columns[1][:80]!r} in {int(alone.sum()):,} rows, "
                f"{having[alone].sum() / having.sum():.1%} of its total",
                file=file,
                row=row + 2,
                column=columns[0],
                value=having[row],
                fix="Book money in the periods in which people saw it, or leave the exposure out.",
            )
    return exposure


def check_lift_test(test: LiftTest, market: Market) -> None:
    """Raise where a lift test lies outside of the market's days or regions.

    Raises
    ------
    BadInput
        Naming the test and the days or the region.
    """
    told = f"the lift test {test.source[:80]!r}" if test.source else f"the lift test of {test.channel[:80]!r}"
    first: date = market.dates[0].astype(object)
    last: date = (market.dates[-1] + np.timedelta64(LENGTH[market.period] - 1, "D")).astype(object)
    if test.start < first or test.end > last:
        raise BadInput(
            f"{told} runs from {test.start} to {test.end}, outside of the data from {first} to {last}",
            fix="Leave it out, or add the periods to the data.",
        )
    if test.regions and market.regions == (EVERYWHERE,):
        raise BadInput(
            f"{told} ran in {', '.join(test.regions[:3])[:200]}, but the model has no regions",
            fix="Name the column of the region, or scale the test up to the whole market.",
        )
    for region in test.regions:
        if region not in market.regions:
            raise BadInput(f"{told}: {unknown_name('region', region, market.regions)}".rstrip("."))


def fingerprint_of(market: Market) -> str:
    """Return the SHA-256 of a market's names, days and figures.

    Names and days are hashed as JSON, figures as little-endian 64-bit floats, in the order of the fields.
    """
    named = {
        "dates": [str(day) for day in market.dates],
        "period": market.period,
        "regions": market.regions,
        "channels": market.channels,
        "controls": market.controls,
    }
    digest = hashlib.sha256(json.dumps(named, ensure_ascii=True, sort_keys=True).encode())
    for name in _ARRAYS:
        digest.update(np.ascontiguousarray(getattr(market, name) + 0.0, "<f8").tobytes())
    return digest.hexdigest()
