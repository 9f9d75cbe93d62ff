"""Who may see and do what, as a table; identities come from the environment, roles from a file."""

from __future__ import annotations

import getpass
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.catalog import Catalog
from workbench.errors import BadInput, UsageError, unknown_name
from workbench.events.documents import read_document, read_whole

ACTIONS = {
    "view_reports": "read published reports and aggregate figures",
    "run_reports": "run notebooks and batches",
    "load_data": "load files into the workspace",
    "export_aggregates": "export aggregate figures",
    "see_users": "see rows of single users, by pseudonym; each look is logged",
    "pause_campaign": "pause or resume a campaign",
    "shift_budget": "move budget between campaigns, up to the role's limit",
    "edit_campaign": "draft and change campaigns",
    "approve_campaign": "set a campaign live",
    "approve_targeting": "approve whom a campaign may reach",
    "run_experiments": "design, start and stop experiments",
    "train_models": "train and register models",
    "read_audit": "read and export the audit log",
    "erase_users": "erase a person's data",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One role.

    Parameters
    ----------
    name, title : str
        How it is called.
    says : str
        What its people decide.
    may : frozenset of str
        Names of `ACTIONS`.
    budget_limit : float
        The largest share of a campaign's budget that one shift may move, 0..1.
    """

    name: str
    title: str
    says: str
    may: frozenset[str]
    budget_limit: float = 0.0

    @property
    def sees_users(self) -> bool:
        """Return whether rows of single users may be shown."""
        return "see_users" in self.may


_EVERYONE = {"view_reports", "run_reports", "export_aggregates"}

ROLES: Catalog[Role] = Catalog(
    "role",
    [
        Role(
            name="cmo",
            title="Chief marketing officer",
            says="Decides on budgets and goals across channels.",
            may=frozenset(
                _EVERYONE | {"pause_campaign", "shift_budget", "edit_campaign", "approve_campaign"}
            ),
            budget_limit=1.0,
        ),
        Role(
            name="performance",
            title="Performance marketing",
            says="Runs paid campaigns day by day.",
            may=frozenset(_EVERYONE | {"load_data", "pause_campaign", "shift_budget", "edit_campaign"}),
            budget_limit=0.2,
        ),
        Role(
            name="lifecycle",
            title="Lifecycle marketing",
            says="Runs messages to customers and their tests.",
            may=frozenset(_EVERYONE | {"load_data", "pause_campaign", "edit_campaign", "run_experiments"}),
        ),
        Role(
            name="rewards",
            title="Rewards",
            says="Runs offers, cashback and loyalty.",
            may=frozenset(_EVERYONE | {"pause_campaign", "edit_campaign"}),
        ),
        Role(
            name="data_science",
            title="Data science",
            says="Builds experiments and models.",
            may=frozenset(_EVERYONE | {"load_data", "see_users", "run_experiments", "train_models"}),
        ),
        Role(
            name="compliance",
            title="Compliance",
            says="Approves targeting, reads the audit, answers people who ask about their data.",
            may=frozenset(_EVERYONE | {"see_users", "approve_targeting", "read_audit", "erase_users"}),
        ),
    ],
)


def allowed(role: str, action: str, share: float = 0.0) -> bool:
    """Return whether a role may do something.

    Parameters
    ----------
    role, action : str
        Names of `ROLES` and `ACTIONS`.
    share : float
        For ``"shift_budget"``: the share of the campaign's budget that would move, 0..1.

    Examples
    --------
    >>> allowed("performance", "shift_budget", 0.1), allowed("performance", "shift_budget", 0.5)
    (True, False)
    >>> [name for name, role in ROLES.items() if role.sees_users]
    ['data_science', 'compliance']
    """
    if action not in ACTIONS:
        raise unknown_name("action", action, ACTIONS)
    holder = ROLES[role]
    if action == "shift_budget" and not (math.isfinite(share) and 0 <= share <= holder.budget_limit):
        return False
    return action in holder.may


def check(role: str, action: str, share: float = 0.0) -> None:
    """Refuse what a role may not do.

    Raises
    ------
    UsageError
        Naming who may.

    Examples
    --------
    >>> check("rewards", "read_audit")
    Traceback (most recent call last):
        ...
    workbench.errors.UsageError: The role 'rewards' may not read and export the audit log. Ask: compliance.
    """
    if allowed(role, action, share):
        return
    others = [name for name in ROLES if allowed(name, action, share)]
    raise UsageError(
        f"The role {role!r} may not {ACTIONS[action]}. Ask: {', '.join(others) or 'nobody may'}."
    )


def identity(environment: Mapping[str, str] | None = None) -> str:
    """Return who is working: the JupyterHub user where there is one, else the user of the system.

    Examples
    --------
    >>> identity({"JUPYTERHUB_USER": "ann"})
    'ann'
    """
    given = os.environ if environment is None else environment
    return given.get("JUPYTERHUB_USER") or getpass.getuser()


def read_assignments(path: Path) -> dict[str, str]:
    """Return who has which role, of a YAML file of the form ``roles: {ann: compliance}``.

    Raises
    ------
    BadInput
        If the file is not of this form, or names a role that does not exist.
    """
    document = read_document(read_whole(path), path)
    assigned = document.get("roles")
    if set(document) != {"roles"} or not isinstance(assigned, dict):
        raise BadInput("not a file of roles", file=path, expected="one key `roles` with a role per person")
    for person, role in assigned.items():
        if not isinstance(role, str) or role not in ROLES:
            expected = f"one of {', '.join(ROLES)}"
            raise BadInput(f"{person!r} has an unknown role", file=path, value=role, expected=expected)
    return {str(person): str(role) for person, role in assigned.items()}


def role_of(person: str, assignments: Mapping[str, str]) -> Role:
    """Return a person's role.

    Raises
    ------
    UsageError
        If none is assigned: an unknown person may do nothing.
    """
    if person not in assignments:
        raise UsageError(f"{person!r} has no role in this workspace. A role file assigns one.")
    return ROLES[assignments[person]]
