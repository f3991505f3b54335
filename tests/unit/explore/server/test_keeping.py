"""An answer is kept while nothing changes, and never longer."""

from pole.explore.server.keeping import Answer, KeptAnswers


def answer(text: str) -> Answer:
    return Answer(text.encode(), "text/html")


def test_an_answer_of_another_state_is_not_given() -> None:
    kept = KeptAnswers()
    assert kept.find(1, "/") is None
    kept.keep(1, "/", answer("one"))
    assert kept.find(1, "/") == answer("one")
    assert kept.find(2, "/") is None
    assert kept.find(1, "/") is None


def test_an_answer_that_comes_after_its_state_is_not_kept() -> None:
    kept = KeptAnswers()
    kept.find(2, "/")
    kept.keep(1, "/", answer("late"))
    assert kept.find(2, "/") is None


def test_what_was_asked_for_long_ago_goes_first() -> None:
    kept = KeptAnswers(max_bytes=10)
    kept.find(1, "a")
    for name in ("a", "b"):
        kept.keep(1, name, answer("12345"))
    kept.find(1, "a")
    kept.keep(1, "c", answer("12345"))
    assert kept.find(1, "a") is not None
    assert kept.find(1, "b") is None
    kept.keep(1, "large", answer("12345678901"))
    assert kept.find(1, "large") is None
