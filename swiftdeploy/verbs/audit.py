"""audit: the journal as a report for people, and the proof that nobody changed it."""

from __future__ import annotations

import re

from swiftdeploy.flow.world import World
from swiftdeploy.model import errors, journal, page, report
from swiftdeploy.model.account import Account
from swiftdeploy.model.journal import Verdict

MARKDOWN, HTML = "audit_report.md", "audit_report.html"
_HEAD = re.compile(r"[0-9a-f]{8,64}")


def audit(world: World) -> Verdict:
    """Write `audit_report.md` and `audit_report.html`, of a broken journal too; the verdict says whether it is whole.

    Raises Unreadable when the journal is no file that can be read.
    """
    account = Account()
    verdict = journal.verify(account.noting(world.journal.entries()))
    sections = report.sections(account, verdict)
    world.files.write(MARKDOWN, page.markdown(report.TITLE, sections))
    world.files.write(HTML, page.html(report.TITLE, sections))
    return verdict


def verify(world: World, head: str = "") -> Verdict:
    """Prove the chain from its first line to `head`, the hash (or its first 8 characters or more) that some command
    printed, or to its end. Raises Unreadable for a head that is none."""
    wanted = head.strip().lower()
    if wanted and not _HEAD.fullmatch(wanted):
        raise errors.Unreadable(f"--head {head!r} is no hash", "give the hash that a changing command printed")
    return journal.verify(world.journal.entries(), wanted)
