"""A media mix run as it is recorded: what was asked of which data, how far it came, how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal, Self, get_args

from workbench.errors import BadInput

Status = Literal["draft", "running", "completed", "failed"]
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRecord:
    """What was found at one gate, as `gates.Verdict` has it.

    Parameters
    ----------
    gate : str
        Its name.
    status : {'passed', 'missed', 'unknown'}
        `unknown` where it could not be looked at.
    figure, limit : str
        What was found and what is asked for, as they are read.
    message, recommendation : str
        One sentence, and what to do.
    """

    gate: str
    status: str
    figure: str
    limit: str
    message: str
    recommendation: str = ""

    @property
    def words(self) -> str:
        """Return what was found and what to do."""
        return f"{self.message} {self.recommendation}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class MixRun:
    """One run of a media mix model.

    Parameters
    ----------
    id, name : str
        Of the run, and of the model that was asked for.
    status : {'draft', 'running', 'completed', 'failed'}
        A draft is set down and has not begun to sample.
    progress : float
        The share of all steps that are done, 0..1.
    doing : str
        What it does, or did last, in words.
    created : str
        When it was set down; UTC, ISO 8601, as all times here.
    started, ended : str, optional
        When it began to sample, and when it ended; of a run whose process died no end is known.
    by : str
        Who asked for it.
    key : str
        A hash of all that the answer depends on: model, data, code, libraries. Equal keys, equal answers.
    seed : int
        Of the sampler.
    fingerprint : str
        Of the data (SHA-256), see `Market`.
    data_version : int, optional
        Of the workspace; None where the data come from a file.
    source : str
        Where the data come from.
    code : str
        Version of the workbench and a hash of its source.
    versions : tuple of (str, str)
        Names and versions of the libraries that sampled.
    spec : mapping
        The model as a document.
    tests : tuple of str
        What is said of the experiments that were used, and of those that were not.
    notes : tuple of str
        What the checks of the data had to say.
    gates : tuple of GateRecord
        What must hold before the fit is believed; empty before it has ended well.
    files : mapping of str to str
        What it left, by name, with the SHA-256 of each.
    error : str
        Why it failed; empty where it did not.

    Examples
    --------
    >>> run = MixRun(id="weekly", name="weekly", key="5f", seed=1, fingerprint="ab", spec={})
    >>> run.started_now().at(0.25, "sampling").sentence
    'weekly is running: sampling, 25%.'
    """

    id: str
    name: str
    key: str
    seed: int
    fingerprint: str
    spec: Mapping[str, Any]
    status: Status = "draft"
    progress: float = 0.0
    doing: str = ""
    created: str = ""
    started: str | None = None
    ended: str | None = None
    by: str = ""
    data_version: int | None = None
    source: str = ""
    code: str = ""
    versions: tuple[tuple[str, str], ...] = ()
    tests: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    gates: tuple[GateRecord, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def completed(self) -> bool:
        """Return whether it ended well."""
        return self.status == "completed"

    @property
    def missed(self) -> tuple[GateRecord, ...]:
        """Return the gates that it missed."""
        return tuple(gate for gate in self.gates if gate.status == "missed")

    @property
    def trusted(self) -> bool:
        """Return whether it ended well and missed no gate: only then is a budget built on it unasked."""
        return self.completed and bool(self.gates) and not self.missed

    @property
    def duration(self) -> float | None:
        """Return the seconds from start to end, where both are known."""
        if self.started is None or self.ended is None:
            return None
        return (datetime.fromisoformat(self.ended) - datetime.fromisoformat(self.started)).total_seconds()

    @property
    def sentence(self) -> str:
        """Return what became of it."""
        if self.status == "failed":
            return f"{self.id} failed. {self.error}"
        if not self.completed:
            share = f", {self.progress:.0%}" if self.progress else ""
            return f"{self.id} is {'running' if self.started else 'a draft'}: {self.doing}{share}."
        took = f"{self.id} completed in {self.duration or 0:.0f} s"
        if self.missed:
            return f"{took}, and missed a gate. " + " ".join(gate.words for gate in self.missed)
        unknown = [gate.message for gate in self.gates if gate.status == "unknown"]
        return " ".join([f"{took} and missed no gate.", *unknown])

    def started_now(self) -> MixRun:
        """Return the run as it begins to sample."""
        return replace(self, status="running", started=now())

    def at(self, progress: float, doing: str) -> MixRun:
        """Return the run so far along; the share lies between 0 and 1."""
        return replace(self, progress=round(min(max(progress, 0.0), 1.0), 4), doing=doing[:200])

    def well(self, *, gates: tuple[GateRecord, ...], files: Mapping[str, str]) -> MixRun:
        """Return the run as it ended well."""
        done = replace(self, status="completed", progress=1.0, doing="done", ended=now())
        return replace(done, gates=gates, files=dict(files))

    def badly(self, error: str) -> MixRun:
        """Return the run as it failed; what it says is one text of bearable length."""
        return replace(self, status="failed", ended=now(), error=" ".join(error.split())[:2000])

    def to_document(self) -> dict[str, Any]:
        """Return the run as JSON takes it."""
        return {"format": FORMAT} | asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return the run that a document says; fields of a later workbench are passed over.

        Raises
        ------
        BadInput
            If it is none.
        """
        known = {one.name: document[one.name] for one in fields(cls) if one.name in document}
        try:
            if document["format"] != FORMAT or known["status"] not in get_args(Status):
                raise BadInput("of another format", value=known.get("id"), expected=f"format {FORMAT}")
            gates = tuple(GateRecord(**gate) for gate in known["gates"])
            versions = tuple((str(name), str(version)) for name, version in known["versions"])
            texts = {name: tuple(map(str, known.get(name, ()))) for name in ("tests", "notes")}
            return cls(**{**known, **texts, "gates": gates, "versions": versions})
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput("no record of a media mix run", value=document.get("id")) from error


def now() -> str:
    """Return this moment, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
