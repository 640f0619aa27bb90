"""The gate's window sees users, however few, ends when nothing can change the verdict, and trusts no page blindly."""

import pytest
from watched import BOTH, CANARY, SETTINGS, STABLE, App, Clock, Effects, manifest, world_of

from swiftdeploy.flow.measure import Needs, judged
from swiftdeploy.model.errors import EnvironmentMissing, Interrupted
from swiftdeploy.model.state import State

ALONE = State(instances=(CANARY,), weight=100, settings=SETTINGS)
NOT_YET = State(instances=(STABLE,), settings=SETTINGS)


def measured(world, serving=NOT_YET, asks=None, certain=lambda facts: False, wanted=None, above=None):
    return judged(CANARY, asks or manifest(), world, serving, Needs(100, certain, wanted or {}, above))


def both(stable: App | None = None, **canary) -> Effects:
    clock = Clock()
    return world_of(canary_2=App(clock, **canary), stable_1=stable or App(clock))


def served(world: Effects, rate: float, status: int = 200, who: str = "canary-2", seconds: int = 30) -> None:
    """Users of an instance at a rate, as the proxy logs them; the app counts good ones itself."""
    world.written += [(number / rate, who, status) for number in range(1, int(rate * seconds) + 1)]


def certainly_bad(facts) -> bool:
    return (facts["error_rate_percent"] or 0.0) > 1.0


def test_a_candidate_without_traffic_is_judged_by_the_probe_alone_and_at_once():
    world = both(users_per_second=50)
    facts = measured(world).facts
    assert world.probes == [("canary-2:80", ("/",), 300, 150.0, 30.0)]
    assert (facts["samples"], facts["window_seconds"], facts["error_rate_percent"]) == (300, 2.0, 0.0)
    assert facts["sources"]["users"]["samples"] == 0, "whatever its page counts, they are no users of its"
    assert facts["in_flight"] == 2


def test_while_it_serves_the_window_goes_on_until_users_are_enough():
    world = both(users_per_second=20)
    served(world, 20)
    facts = measured(world, BOTH).facts
    assert facts["sources"]["users"]["samples"] >= 100
    assert facts["sources"]["proxy"]["samples"] >= 100
    assert 5.0 <= facts["window_seconds"] <= 6.0


def test_few_users_are_waited_for_to_the_end_of_the_window_and_count():
    world = both()
    served(world, 1, status=500)
    facts = measured(world, BOTH).facts
    assert facts["window_seconds"] == 30.0
    assert facts["sources"]["proxy"]["samples"] == 30
    assert facts["error_rate_percent"] > 50, "30 of 30 prove that much, beside 300 good requests of the probe"
    assert facts["error_rate_said"] == "30 of 30 requests of users by the proxy's log failed"


@pytest.mark.parametrize("rate", [1, 4, 20])
def test_what_is_certainly_bad_ends_the_window(rate):
    world = both()
    served(world, rate, status=500)
    facts = measured(world, BOTH, certain=certainly_bad).facts
    assert facts["error_rate_percent"] > 1.0
    assert facts["window_seconds"] <= 2 / rate + 1.0, "two of two that fail are certain at a limit of 1 %"


def test_a_probe_that_is_certain_is_cut_short():
    world = both()
    world.answers["/"] = "500"
    facts = measured(world, certain=certainly_bad).facts
    assert facts["samples"] < 300
    assert facts["window_seconds"] < 2.0
    assert "probe of / answered 500 on" in facts["error_rate_said"]


def test_more_users_are_waited_for_where_an_earlier_denial_had_more():
    world = both()
    served(world, 50)
    assert measured(world, BOTH, wanted={"proxy": 400}).facts["sources"]["proxy"]["samples"] >= 400


def test_a_page_that_counts_for_others_too_is_not_used_and_that_is_said():
    world = both(users_per_second=200)
    served(world, 10)
    found = measured(world, BOTH)
    assert found.window.users.samples == 0
    assert found.window.proxy.samples >= 100
    assert "counts others' too" in found.window.notes[0]
    assert found.facts["window_seconds"] < 15, "nobody waits for a source that is not used"


def test_an_empty_log_of_the_proxy_is_no_proof_against_the_page():
    world = both(users_per_second=20)
    assert measured(world, BOTH).window.users.samples > 100


def test_without_a_probe_users_alone_are_waited_for():
    world = both(users_per_second=20)
    served(world, 20)
    facts = measured(world, BOTH, manifest(None)).facts
    assert world.probes == []
    assert 100 <= facts["samples"] < 120


def test_without_evidence_the_window_ends_too():
    facts = measured(both(), BOTH, manifest(None, window=4.0)).facts
    assert (facts["samples"], facts["error_rate_percent"], facts["window_seconds"]) == (0, None, 4.0)


def test_without_users_and_probe_nothing_is_waited_for():
    world = both()
    facts = measured(world, NOT_YET, manifest(None)).facts
    assert (facts["samples"], world.clock.time) == (0, 0.0)


def test_each_path_of_the_probe_is_judged_by_itself():
    world = both()
    world.answers["/api"] = "500"
    found = measured(world, asks=manifest(300, paths=("/", "/a", "/b", "/c", "/d", "/api")))
    assert found.window.paths["/api"].errors == 50
    assert found.facts["error_rate_percent"] > 80


@pytest.mark.parametrize("status", ["401", "403", "404"])
def test_what_stable_answers_on_a_path_too_is_the_paths_own_answer(status):
    world = both()
    world.answers["/"] = world.answers_of_stable["/"] = status
    assert measured(world).facts["error_rate_percent"] == 0.0


def test_what_only_the_canary_answers_is_an_error():
    world = both()
    world.answers["/"] = "404"
    facts = measured(world).facts
    assert facts["error_rate_percent"] == 100.0
    assert facts["error_rate_said"] == "probe of / answered 404 on 300 of 300"


def test_a_canary_alone_has_nobody_whose_answer_excuses_it():
    world = world_of(canary_2=App(Clock()))
    world.answers["/"] = "404"
    assert measured(world, ALONE).facts["error_rate_percent"] == 100.0


def test_the_stable_track_is_measured_over_the_same_window():
    clock = Clock()
    world = world_of(canary_2=App(clock), stable_1=App(clock, users_per_second=100))
    assert measured(world).facts["sources"]["stable"]["samples"] in (199, 200)


def test_people_see_how_far_it_is():
    world = both()
    served(world, 10)
    measured(world, BOTH)
    assert "proxy 100 (errors 0.00 %, p99 9.00 ms)" in world.told[-1]
    assert world.told[-1].endswith("s left at most")


def test_an_instance_without_an_address_cannot_be_probed():
    with pytest.raises(EnvironmentMissing):
        measured(world_of(stable_1=App(Clock())))


def test_waiting_for_users_can_be_interrupted():
    class Stopped(Clock):
        def sleep(self, seconds: float) -> None:
            raise Interrupted("Ctrl-C")

    with pytest.raises(Interrupted):
        measured(world_of(canary_2=App(Stopped())), ALONE, manifest(None))


def test_the_proxys_figures_are_those_of_each_instance():
    world = both()
    of_canary, others = (("canary-2", 500, 10), ("canary-2", 200, 90)), (("stable-1", 200, 50), ("canary-1", 500, 70))
    for who, status, count in of_canary + others:
        world.written += [(1.0, who, status)] * count
    world.written += [(-1.0, "canary-2", 500)] * 30
    facts = measured(world, BOTH).facts
    proxy = facts["sources"]["proxy"]
    assert (proxy["samples"], proxy["errors"], proxy["p99_latency_ms"]) == (100, 10, 9.0)
    assert (facts["error_rate_percent"], facts["samples"]) == (10.0, 400)
    assert facts["sources"]["stable_proxy"]["samples"] == 50


@pytest.mark.parametrize("answer", ["nan", "inf", "", "<html>"])
def test_a_proxy_that_does_not_tell_the_time_is_no_source(answer):
    class Stranger(Effects):
        def get(self, url, timeout_seconds):
            return (200, answer) if url.endswith("/clock") else super().get(url, timeout_seconds)

    clock = Clock()
    world = Stranger({"canary-2": App(clock), "stable-1": App(clock)}, clock)
    world.written = [(0.0, "canary-2", 500)] * 30
    assert measured(world, BOTH).facts["sources"]["proxy"]["samples"] == 0


def test_each_look_reads_only_what_is_new_in_the_log():
    world = both(status=404)
    served(world, 10)
    facts = measured(world, BOTH, manifest(None)).facts
    assert facts["samples"] == 100
    assert world.read_since[0] == 0.0
    assert world.read_since[-1] > 8.0


class Streaming(Effects):
    """Everything that the proxy logs streams, and takes 1.5 s."""

    def proxy_log(self, since):
        last = "0.009\tcanary-2.example:80\t200\t0.009\t200", "1.500\tcanary-2.example:80\t200\t1.500\t1\t200"
        return [line.replace(*last) for line in super().proxy_log(since)]


def test_streams_are_samples_and_no_matter_of_the_p99():
    clock = Clock()
    world = Streaming({"canary-2": App(clock, users_per_second=20), "stable-1": App(clock)}, clock)
    served(world, 20)
    facts = measured(world, BOTH).facts
    assert facts["sources"]["proxy"]["samples"] >= 100
    assert facts["sources"]["proxy"]["p99_latency_ms"] is None
    assert facts["p99_latency_ms"] == 3.0, "that of the probe"


def test_nothing_but_streams_is_not_slow():
    clock = Clock()
    world = Streaming({"canary-2": App(clock), "stable-1": App(clock)}, clock)
    served(world, 20)
    assert measured(world, BOTH, manifest(None)).facts["p99_latency_ms"] == 0.0


def test_an_excluded_path_of_the_probe_does_not_count_for_the_p99():
    asks = manifest(300, paths=("/", "/export"))
    asks.canary.exclude_paths = ("/export",)
    found = measured(both(), asks=asks)
    assert (found.window.paths["/export"].p99_latency_ms, found.window.paths["/"].p99_latency_ms) == (None, 3.0)
    assert found.facts["samples"] == 300


def test_errors_that_the_proxy_has_not_seen_are_not_its_users():
    """Two workers with pages of their own: the other one's whole life looks like this window."""
    world = both(users_per_second=20)
    served(world, 20)

    class Other(App):
        def page(self) -> str:
            self.failing = 8 if self.clock.time > 3 else 0
            return super().page()

    world.apps["canary-2"] = Other(world.clock, users_per_second=20)
    found = measured(world, BOTH, certain=certainly_bad)
    assert found.window.users.errors == 0
    assert found.facts["error_rate_percent"] == 0.0


def test_a_page_of_another_process_than_at_first_gives_way_to_the_proxy():
    class Restarted(App):
        def page(self) -> str:
            return super().page() + f"process_start_time_seconds {100 if self.clock.time < 3 else 200}\n"

    clock = Clock()
    world = world_of(canary_2=Restarted(clock, users_per_second=20), stable_1=App(clock))
    served(world, 20)
    found = measured(world, BOTH)
    assert found.window.users.samples == 0
    assert found.window.proxy.samples >= 100
    assert "another process" in found.window.notes[0]


def test_a_slow_probe_is_held_against_the_same_probe_of_stable_where_policy_compares():
    world = both()
    found = measured(world, above=2.0).facts
    assert [(address, requests) for address, _, requests, _, _ in world.probes] == [
        ("canary-2:80", 300),
        ("stable-1:80", 100),
    ]
    beside = found["versus_stable"]
    assert (beside["samples"], beside["p99_latency_ms"], beside["p99_increase_percent"]) == (100, 3.0, 0.0)
    assert found["sources"]["stable"]["samples"] == 0, "our probe is no user of stable's"


@pytest.mark.parametrize("above", [None, 3.0])
def test_stable_is_left_alone_where_nothing_is_compared(above):
    world = both()
    measured(world, above=above)
    assert len(world.probes) == 1
