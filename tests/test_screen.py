"""How progress is told where there is no terminal."""

import pytest

from re2llm.commands.screen import Lines, notes, progress


def test_a_log_hears_of_progress_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    lines = Lines("Ranking", every=30, clock=lambda: now)
    for done in range(1, 101):
        now = float(done)
        lines(done, 200)
    assert capsys.readouterr().err.splitlines() == [
        "Ranking: 30 of 200, about 0:02:50 left",
        "Ranking: 60 of 200, about 0:02:20 left",
        "Ranking: 90 of 200, about 0:01:50 left",
    ]
    for done in range(1, 5):
        now += 10
        lines(done, 10)  # something else has begun, and takes longer
    assert capsys.readouterr().err.splitlines() == ["Ranking: 2 of 10, about 0:01:20 left"]


def test_what_is_no_terminal_gets_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    assert not notes.is_terminal
    with progress("Ranking") as report:
        report(1, 2)
    assert capsys.readouterr().err == ""
