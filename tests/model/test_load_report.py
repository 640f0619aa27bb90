"""A load report counts what was lost, and who answered, since a time."""

from swiftdeploy.model.load import Answer, LoadReport, together

REPORT = LoadReport(
    7,
    (
        Answer(1.0, 0.1, 200, "stable"),
        Answer(2.0, 0.2, 500, "canary"),
        Answer(3.0, 0.1, 502, "proxy"),
        Answer(3.5, 0.1, 503, "stable"),
        Answer(4.0, 1.0, 0, "timeout"),
        Answer(4.5, 0.1, 0, "reset"),
    ),
)


def test_traffic_is_what_the_app_answered():
    assert REPORT.traffic() == {"stable": 2, "canary": 1}


def test_traffic_counts_by_when_a_request_began():
    assert REPORT.traffic(since=2.0) == {"stable": 1, "canary": 1}


def test_the_apps_own_errors_are_not_dropped():
    assert REPORT.dropped() == {"proxy 502": 1, "timeout": 1, "reset": 1}
    assert REPORT.dropped(since=4.2) == {"reset": 1}


def test_statuses_leave_out_requests_without_an_answer():
    assert REPORT.statuses() == {"200": 1, "500": 1, "502": 1, "503": 1}


def test_figures_of_a_load_count_errors_and_losses():
    tally = REPORT.tally()
    assert (tally.requests, tally.errors, tally.seconds) == (6, 5, 4.0)
    assert tally.statuses == {"200": 1, "500": 1, "502": 1, "503": 1, "timeout": 1, "connection": 1}
    assert REPORT.tally(track="canary").figures().error_rate_percent == 100.0


def test_no_answers_have_no_figures():
    assert LoadReport(0, ()).tally().figures().error_rate_percent is None


def test_loads_add_up():
    both = together([REPORT, LoadReport(1, (Answer(9.0, 0.1, 200, "canary"),))])
    assert (both.sent, both.traffic()) == (8, {"stable": 2, "canary": 2})
