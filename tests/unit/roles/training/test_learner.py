from pole.roles.training.learner import Trained, better

LOW, HIGH, AS_HIGH = Trained(b"low", 3), Trained(b"high", 5), Trained(b"as high", 5)


def test_the_better_model_has_more_correct_and_the_newer_one_where_they_have_as_many() -> None:
    assert better(LOW, HIGH) is HIGH
    assert better(HIGH, LOW) is HIGH
    assert better(HIGH, AS_HIGH) is AS_HIGH
    assert better(None, LOW) is LOW
    assert better(LOW, None) is LOW
    assert better(None, None) is None
