# SPDX-License-Identifier: BSD-2-Clause
"""The questions and the phrases that answer them."""

from fnmatch import fnmatchcase

import pytest

from probes import cases, questions
from probes.questions import Question, answer
from reports import schema
from sigprobe import ROOTS

ASKED = questions.load(*ROOTS)
Q = Question(
    name="q",
    short="?",
    text="",
    sources=(),
    cases=("read-pipe/*",),
    aspect="outcomes",
    yes=("interrupted",),
)


def record(signal: str, **outcomes: int) -> schema.Case:
    id = f"read-pipe/{signal}/handler/open/pthread_kill/none/asleep"
    case = schema.Case.blank(id, "0" * 16, "measured")
    case.outcomes, case.trials = outcomes, sum(outcomes.values())
    return case


def results(*records: schema.Case) -> schema.Results:
    return schema.Results(
        platform=schema.Platform(
            id="x-1-y-z", os="X", release="1", machine="y", libc="z", compiler="c", cpus=1
        ),
        run=schema.Run(tool="0", started="2026-01-01T00:00:00Z", seconds=0.0, seed=1, python=None),
        cases=list(records),
    )


def test_there_are_the_four_of_the_mail_and_fifteen_more() -> None:
    names = [question.name for question in ASKED]
    assert {"Q1", "Q2", "Q3", "Q4"} <= set(names)
    assert len(set(names)) == len(names) >= 19


@pytest.mark.parametrize("question", ASKED, ids=lambda question: question.name)
def test_every_question_has_sources_and_default_cases(question: Question) -> None:
    known = cases.universe(*ROOTS)
    assert question.sources
    assert all(source.startswith("https://") for source in question.sources)
    assert question.aspect in questions.ASPECTS
    for pattern in question.cases:
        assert any(fnmatchcase(id, pattern) for id in known.default), pattern


def test_all_trials_alike_give_a_bound() -> None:
    assert answer(Q, results(record("SIGCONT", undisturbed=1000))) == (
        "no: undisturbed (0 of 1,000 otherwise; < 0.3 %)"
    )


def test_cases_that_agree_share_their_bound() -> None:
    both = results(record("SIGCONT", interrupted=1000), record("SIGUSR1", interrupted=2000))
    assert answer(Q, both) == ("yes for all 2 cases: interrupted (0 of 3,000 otherwise; < 0.1 %)")


def test_cases_that_differ_are_told_apart_by_what_differs() -> None:
    both = results(record("SIGCONT", undisturbed=10), record("SIGUSR1", interrupted=10))
    assert answer(Q, both) == (
        "yes for SIGUSR1: interrupted (0 of 10 otherwise; < 30 %); "
        "no for SIGCONT: undisturbed (0 of 10 otherwise; < 30 %)"
    )


def test_different_outcomes_are_told_apart_though_both_mean_no() -> None:
    both = results(record("SIGCONT", undisturbed=10), record("SIGUSR1", hung=10))
    assert answer(Q, both) == (
        "no for SIGCONT: undisturbed (0 of 10 otherwise; < 30 %); "
        "no for SIGUSR1: hung (0 of 10 otherwise; < 30 %)"
    )


def test_a_crowd_is_counted_after_those_that_are_named() -> None:
    crowd = [record(f"SIGRTMIN+{n}", interrupted=100) for n in range(1, 21)]
    assert answer(Q, results(*crowd, record("SIGUSR1", undisturbed=10))) == (
        "no for SIGUSR1: undisturbed (0 of 10 otherwise; < 30 %); "
        "yes for the other 20: interrupted (0 of 2,000 otherwise; < 0.15 %)"
    )


def test_a_case_that_varies_gives_shares() -> None:
    assert answer(Q, results(record("SIGCONT", interrupted=1, undisturbed=3))) == (
        "sometimes: undisturbed 75 %, interrupted 25 % of 4"
    )


def test_what_cannot_be_run_gives_its_gate() -> None:
    gated = schema.Case.blank("read-pipe/a/b/c/d/e/f", "", "unsupported", "no such call")
    assert answer(Q, results(gated)) == "not here: no such call"


def test_a_traced_run_answers_nothing() -> None:
    traced = record("SIGCONT", interrupted=1000)
    traced.traced = True
    assert answer(Q, results(traced)) == "no verdict: a tracer was attached"


def test_no_case_no_answer() -> None:
    assert answer(Q, results()) is None
