"""Decide until killed: every round reads what is kept, and adds the next decision."""

import sys
from datetime import UTC, datetime

from workbench.experiments.records.keeping import Decision, next_decision
from workbench.experiments.records.kept import kept_experiment
from workbench.store import Workspace
from workbench.store.experiments import keep_decision


def main(folder: str) -> None:
    workspace = Workspace.open(folder)
    print("open", flush=True)
    while True:
        kept = kept_experiment(workspace.tables(threads=1), "new_subject")
        given = Decision(
            name="new_subject",
            number=0,
            decision="continue",
            variant="treatment",
            why=f"After {len(kept.decisions)} decisions.",
            figures={"n": len(kept.decisions)},
            data_version=1,
            decided_at=datetime.now(UTC),
            decided_by="ann",
        )
        made = next_decision(kept, given)
        assert made is not None
        keep_decision(workspace, made.to_row())
        print(made.number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
