"""Parameters are refused or typed before anything runs."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import BadInput
from workbench.reports.definitions import (
    NOTEBOOKS,
    CampaignParameters,
    ExecutiveParameters,
)
from workbench.reports.parameter_kinds import RunParameters
from workbench.reports.parameters import (
    expected,
    read_assignments,
    read_parameters,
)

# A busy machine is no fault of the code.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("name", list(NOTEBOOKS))
def test_every_parameter_has_a_default_and_help(name: str) -> None:
    model = NOTEBOOKS[name].parameters
    assert model()
    for field_name, field in model.model_fields.items():
        assert not field.is_required()
        assert field.description or field.metadata, field_name
        assert expected(model, field_name) != "another value"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"tpo": 5}, "week.yaml, value '5': no parameter named 'tpo'; .* Did you mean 'top'?"),
        ({"top": "5"}, "parameter 'top' cannot take this; expected a whole number from 3 to 25"),
        ({"top": 5.0}, "expected a whole number from 3 to 25"),
        ({"top": True}, "expected a whole number from 3 to 25"),
        ({"top": 26}, "value '26'"),
        ({"compare": "yes"}, "expected true or false"),
        ({"compare": 1}, "expected true or false"),
        ({"window": "30"}, "expected days as '30d' or '2024-01-01:2024-01-31', or nothing"),
        ({"window": "2024-02-01:2024-01-01"}, "value '2024-02-01:2024-01-01'"),
        ({"window": "2024-02-30:2024-03-01"}, "value '2024-02-30"),
        ({"window": 30}, 'becomes text in quotes: window: "30"'),
        ({"window": date(2024, 1, 1)}, "becomes text in quotes"),
        ({"workspace": "/etc"}, "'workspace' is set by the run itself"),
        ({"data_version": 3}, "Leave it out"),
    ],
)
def test_wrong_values_name_file_name_value_and_what_was_expected(
    values: dict[str, object], says: str
) -> None:
    with pytest.raises(BadInput, match=says) as raised:
        read_parameters(ExecutiveParameters, values, source="week.yaml")
    assert str(raised.value).startswith("week.yaml")


@PATIENT
@given(st.dictionaries(st.sampled_from(["window", "top", "compare"]), ANYTHING))
def test_anything_is_taken_exactly_or_refused(values: dict[str, object]) -> None:
    try:
        taken = read_parameters(ExecutiveParameters, values)
    except BadInput:
        return
    for name, value in values.items():
        assert getattr(taken, name) == value
        assert type(getattr(taken, name)) is type(value)


@PATIENT
@given(st.text(min_size=1, max_size=300))
def test_a_campaign_may_be_called_anything(text: str) -> None:
    assert read_assignments(CampaignParameters, [f"campaign={text}"])["campaign"] in {text, None}
    assert read_parameters(CampaignParameters, {"campaign": text}).model_dump()["campaign"] == text


def test_assignments_take_the_type_of_the_parameter() -> None:
    read = read_assignments(CampaignParameters, ["campaign=916", "compare=false", "window=none"])
    assert read == {"campaign": "916", "compare": False, "window": None}
    assert read_assignments(CampaignParameters, ["campaign=a=b"]) == {"campaign": "a=b"}


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["top"], "not a parameter; expected name=value"),
        (["=5"], "not a parameter"),
        (["top=five"], "option -p, value 'five': parameter 'top' cannot take this; expected a whole number"),
        (["top=5", "top=6"], "given twice"),
        (["windw=7d"], "Did you mean 'window'?"),
    ],
)
def test_wrong_assignments(texts: list[str], says: str) -> None:
    with pytest.raises(BadInput, match=re.escape(says)):
        read_assignments(ExecutiveParameters, texts)


class Weekly(RunParameters):
    """A model with a choice."""

    period: Literal["week", "month"] = "month"


def test_choices_are_named() -> None:
    assert read_assignments(Weekly, ["period=week"]) == {"period": "week"}
    with pytest.raises(BadInput, match="expected 'week' or 'month'"):
        read_parameters(Weekly, {"period": "day"})
