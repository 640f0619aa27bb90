"""What a check found, for `validate` and `doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["pass", "fail", "warning", "skipped"]
MARKS: dict[Outcome, str] = {"pass": "✔", "fail": "✘", "warning": "!", "skipped": "-"}


@dataclass(frozen=True)
class Check:
    """One check. `detail` is whole sentences; for `skipped` it is the reason."""

    name: str
    outcome: Outcome
    detail: str = ""

    def __str__(self) -> str:
        said = f"skipped: {self.detail}" if self.outcome == "skipped" else self.detail
        return f"{MARKS[self.outcome]} {self.name}" + (f": {said}" if said else "")
