"""The benchmark's page, picture and requests, from figures made up."""

from __future__ import annotations

import json
from collections import Counter
from uuid import UUID
from xml.etree import ElementTree

import pytest

from tools.bench.load import Figures
from tools.bench.plot import plot
from tools.bench.report import Footprint, Load, Results, as_json, median, page, table
from tools.bench.scenarios import NAMES, requests
from tools.bench.seed import MEASURED_TASKS, MEASURED_USERS
from tools.bench.services import differences, without_chance


def figures(cpu: float, speed: float, failed: float = 0) -> Figures:
    return Figures(speed, cpu, 50.0, 1.0, 2.0, 3.0, failed, 1_000)


RESULTS = Results(
    {
        Load("get", 16): {
            "handfast": figures(400, 2_500),
            "idiomatic": figures(2_000, 500),
            "limit": figures(250, 4_000),
        }
    },
    {"handfast": Footprint(90.4, 0.875)},
    "Made up.",
)


def test_ratios_stand_before_the_figures_they_come_from() -> None:
    row = table(RESULTS).splitlines()[2]
    assert row == (
        "| get | 16 | handfast | 0.20 | 1.60 | - | 5.00 | 2,500 | 400 | 50 | 1.0 | 2.0 | 3.0 | 0 |"
    )


def test_page_shows_the_picture_and_every_service() -> None:
    made = page(RESULTS, "performance.svg")
    assert "](performance.svg)" in made
    assert "| handfast | 90.4 | 0.88 |" in made
    assert max(map(len, made.split("|", 1)[0].splitlines())) <= 110


def test_json_holds_everything() -> None:
    (load,) = json.loads(as_json(RESULTS))["loads"]
    assert load["connections"] == 16
    assert load["services"]["limit"]["cpu_us"] == 250


def test_median_adds_failures_up() -> None:
    middle = median([figures(1, 10, 1), figures(9, 30), figures(2, 20, 2)])
    assert (middle.cpu_us, middle.requests_per_second, middle.failed) == (2, 20, 3)


def test_picture_has_a_bar_for_each_service() -> None:
    picture = ElementTree.fromstring(plot(RESULTS, 16))  # noqa: S314 - our own text
    bars = picture.findall("{*}rect")[1:]
    widths = [float(bar.attrib["width"]) for bar in bars]
    assert widths[0] / widths[1] == pytest.approx(0.2, abs=0.01)
    assert len(bars) == 3


def test_picture_of_nothing_measured_is_empty() -> None:
    assert "<rect" in plot(RESULTS, 1)


@pytest.mark.parametrize("scenario", NAMES)
def test_requests_are_spread_over_all_users(scenario: str) -> None:
    owners = [UUID(int=1 + number % MEASURED_USERS) for number in range(MEASURED_USERS * MEASURED_TASKS)]
    sent = requests(scenario, [(owner, UUID(int=1_000)) for owner in owners])
    assert len({request.authorization for request in sent}) == MEASURED_USERS


def test_mix_has_four_reads_of_five_for_everyone() -> None:
    owners = [UUID(int=1 + number % MEASURED_USERS) for number in range(MEASURED_USERS * MEASURED_TASKS)]
    sent = requests("mixed 80/20", [(owner, UUID(int=1_000)) for owner in owners])
    assert Counter(request.method == "GET" for request in sent) == {True: 800, False: 200}
    kinds = {request.method for request in sent if request.authorization == sent[0].authorization}
    assert kinds == {"GET", "POST", "PATCH"}


def test_an_unknown_scenario_is_told() -> None:
    with pytest.raises(ValueError, match="no scenario"):
        requests("fly", [(UUID(int=1), UUID(int=2))])


def test_answers_are_compared_without_ids_and_times() -> None:
    one = {"id": "a", "created_at": "1", "completed_at": None, "title": "t"}
    other = {"id": "b", "created_at": "2", "completed_at": None, "title": "t"}
    assert without_chance([one]) == without_chance([other])
    done = {**other, "completed_at": "2"}
    (told,) = differences([("get", 200, without_chance(one))], [("get", 200, without_chance(done))])
    assert told.startswith("get: ")
