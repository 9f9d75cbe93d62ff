"""Six roles: what each may, by name and by size, and who is who."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from workbench.errors import BadInput, UsageError
from workbench.events.definitions import ROLES as ROLE_NAMES
from workbench.governance.roles import (
    ACTIONS,
    ROLES,
    allowed,
    check,
    identity,
    read_assignments,
    role_of,
)


def test_the_roles_are_those_that_events_know() -> None:
    assert tuple(ROLES) == ROLE_NAMES
    for role in ROLES.values():
        assert role.may <= set(ACTIONS)
        assert role.says.endswith(".")
    assert all(any(action in role.may for role in ROLES.values()) for action in ACTIONS)


def test_only_data_science_and_compliance_see_users() -> None:
    assert {name for name, role in ROLES.items() if role.sees_users} == {"data_science", "compliance"}
    assert {name for name in ROLES if allowed(name, "see_users")} == {"data_science", "compliance"}


@pytest.mark.parametrize("action", ["read_audit", "approve_targeting", "erase_users"])
def test_what_is_for_compliance_only(action: str) -> None:
    assert [name for name in ROLES if allowed(name, action)] == ["compliance"]


@pytest.mark.parametrize(
    ("role", "share", "may"),
    [
        ("performance", 0.2, True),
        ("performance", 0.2001, False),
        ("cmo", 1.0, True),
        ("cmo", 1.01, False),
        ("cmo", -0.1, False),
        ("cmo", math.nan, False),
        ("cmo", math.inf, False),
        ("rewards", 0.0, False),
        ("compliance", 0.1, False),
    ],
)
def test_budget_moves_up_to_a_limit(role: str, share: float, may: bool) -> None:
    assert allowed(role, "shift_budget", share) is may


def test_the_refusal_names_who_may() -> None:
    with pytest.raises(UsageError, match=r"may not move budget .* Ask: cmo"):
        check("performance", "shift_budget", 0.5)
    check("performance", "shift_budget", 0.1)
    with pytest.raises(UsageError, match="nobody may"):
        check("cmo", "shift_budget", 2.0)
    with pytest.raises(UsageError, match="Did you mean 'read_audit'"):
        allowed("cmo", "read_audits")
    with pytest.raises(UsageError, match="Did you mean 'cmo'"):
        allowed("cmoo", "read_audit")


def test_an_identity_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert identity({"JUPYTERHUB_USER": "ann"}) == "ann"
    monkeypatch.setenv("LOGNAME", "bob")
    assert identity({}) == "bob"


def test_a_file_assigns_roles(tmp_path: Path) -> None:
    file = tmp_path / "roles.yaml"
    file.write_text("roles:\n  ann: compliance\n  bob: performance\n")
    assigned = read_assignments(file)
    assert role_of("ann", assigned).sees_users
    assert not role_of("bob", assigned).sees_users
    with pytest.raises(UsageError, match="'eve' has no role"):
        role_of("eve", assigned)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("roles: {ann: boss}", "'ann' has an unknown role"),
        ("roles: [ann]", "not a file of roles"),
        ("people: {ann: cmo}", "not a file of roles"),
        ("roles: {ann: cmo}\nmore: 1", "not a file of roles"),
        ("roles: {ann: cmo, ann: compliance}", "the key 'ann' stands twice"),
        ("roles: {ann: [cmo]}", "unknown role"),
        ("roles: {ann: null}", "unknown role"),
    ],
)
def test_a_wrong_file_is_refused(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "roles.yaml"
    file.write_text(text)
    with pytest.raises(BadInput) as caught:
        read_assignments(file)
    assert said in str(caught.value)
    assert str(file) in str(caught.value)
