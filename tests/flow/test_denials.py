"""What users condemned is let through later only by as many of them, or by an override."""

from dataclasses import replace

from swiftdeploy.flow.denials import Denial, condemned_by, of_release, reviewed
from swiftdeploy.flow.measure import Measured
from swiftdeploy.model.decision import Decision
from swiftdeploy.model.event import Committed, Decided, Entry
from swiftdeploy.model.figures import Figures, Window, exact
from swiftdeploy.model.state import State

DENY = Decision("canary", "deny", ("error_rate is 100.00%",), {}, "embedded", "sha256:0")
ALLOW = replace(DENY, outcome="allow", reasons=())
AT = "2026-11-28T08:00:00.000Z"


def backwards(*events) -> list[Entry]:
    """The journal, newest first; `events` in the order in which they happened."""
    entries = [Entry(number, AT, "run", "me", event, "", "") for number, event in enumerate(events, 1)]
    return entries[::-1]


def measured(users: int = 0, proxy: int = 0, failed: int = 0) -> Measured:
    figures = {name: exact(count, failed, [5.0] * count) for name, count in (("users", users), ("proxy", proxy))}
    return Measured(Window(30.0, 0, figures["users"], exact(300, 0, [5.0] * 300), figures["proxy"]), None, 100)


def test_a_denial_on_users_figures_is_remembered_for_its_release():
    found = of_release("r2", backwards(Decided("promote", DENY, "r2", {"users": 240})))
    assert found == Denial(AT, ("error_rate is 100.00%",), {"users": 240})
    assert of_release("r3", backwards(Decided("promote", DENY, "r2", {"users": 240}))) is None


def test_a_denial_by_the_probe_alone_is_not():
    assert of_release("r2", backwards(Decided("promote", DENY, "r2"))) is None


def test_no_decision_in_between_takes_nothing_back():
    undecided = replace(DENY, outcome="none", failure="too little evidence")
    found = of_release(
        "r2", backwards(Decided("promote", DENY, "r2", {"proxy": 9}), Decided("promote", undecided, "r2"))
    )
    assert found is not None
    assert found.samples == {"proxy": 9}


def test_an_allow_or_an_override_takes_it_back():
    denied = Decided("promote", DENY, "r2", {"users": 240})
    assert of_release("r2", backwards(denied, Decided("promote", ALLOW, "r2"))) is None
    assert of_release("r2", backwards(denied, Decided("promote", replace(DENY, override="ops"), "r2"))) is None


def test_a_teardown_ends_the_memory():
    torn = Committed("teardown", "stable", State(), "")
    assert of_release("r2", backwards(Decided("promote", DENY, "r2", {"users": 1}), torn)) is None


def test_an_allow_on_fewer_users_is_no_decision_and_names_the_denial():
    denial = Denial(AT, ("error_rate is 100.00%",), {"users": 240})
    found = reviewed(ALLOW, denial, measured(users=239))
    assert (found.outcome, found.evidence) == ("none", "insufficient")
    assert AT in found.failure
    assert "240" in found.failure
    assert "error_rate is 100.00%" in found.failure
    assert reviewed(ALLOW, denial, measured(users=240)) == ALLOW
    assert reviewed(ALLOW, None, measured()) == ALLOW
    assert reviewed(DENY, denial, measured()) == DENY


def test_users_seen_by_the_proxy_take_back_what_the_apps_page_can_no_longer_count():
    denial = Denial(AT, ("error_rate is 100.00%",), {"users": 100, "proxy": 100})
    assert reviewed(ALLOW, denial, measured(proxy=100)) == ALLOW
    assert reviewed(ALLOW, denial, measured(users=60, proxy=99)).outcome == "none"


def test_too_little_evidence_names_the_denial_as_well():
    undecided = replace(DENY, outcome="none", reasons=(), evidence="insufficient", failure="too little evidence")
    denial = Denial(AT, ("error_rate is 100.00%",), {"users": 100})
    found = reviewed(undecided, denial, measured(users=3))
    assert found.failure.startswith("too little evidence; this release was denied at")


def test_a_denial_is_laid_to_the_sources_that_it_would_follow_from_alone():
    def denied(facts):
        return (facts["error_rate_percent"] or 0) > 1

    assert condemned_by(measured(users=7, proxy=8, failed=7), denied) == {"users": 100, "proxy": 100}
    assert condemned_by(measured(users=700, failed=700), denied) == {"users": 700}
    assert condemned_by(measured(users=500), denied) == {}
    failing_probe = replace(
        measured(users=50), window=Window(30.0, 0, exact(50, 0, [1.0] * 50), Figures(300, 300, 100.0))
    )
    assert condemned_by(failing_probe, denied) == {}


def test_a_smaller_denial_does_not_make_a_larger_one_forgotten():
    events = [Decided("promote", DENY, "r2", samples) for samples in ({"users": 960, "proxy": 98}, {"proxy": 100})]
    found = of_release("r2", backwards(*events))
    assert found is not None
    assert found.samples == {"users": 960, "proxy": 100}
