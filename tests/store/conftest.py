import pytest

from workbench.store import Workspace


@pytest.fixture
def workspace(acme: Workspace) -> Workspace:
    return acme
