"""Note and tell until killed: each round leaves a few notes in the journal, and writes them to the tables."""

import sys

from workbench.store import Workspace
from workbench.store.journal import recording, tell


def main(folder: str) -> None:
    workspace = Workspace.open(folder)
    with workspace.writer(threads=1) as writer:
        print("open", flush=True)
        while True:
            for _ in range(3):
                with recording(
                    workspace.path, "metric_calculation_completed", {"metrics": "ctr", "rows_returned": 1}
                ):
                    pass
                print("noted", flush=True)
            tell(workspace.path, writer)


if __name__ == "__main__":
    main(sys.argv[1])
