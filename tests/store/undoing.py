"""Load a file and take it back, again and again, until killed."""

import sys
from pathlib import Path

from workbench.store import Workspace
from workbench.store.ingest import ingest
from workbench.store.undo import undo


def main(folder: str, file: str) -> None:
    workspace = Workspace.open(folder)
    while True:
        if ingest(workspace, [Path(file)], backfill=True).accepted:
            print("loaded", flush=True)
        with workspace.writer(threads=1) as writer:
            undo(writer)
        print("undone", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
