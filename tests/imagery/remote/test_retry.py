"""Waiting and trying again, with time and chance held."""

import datetime as dt
from dataclasses import replace

import pytest

from imagery.errors import ProviderError
from imagery.remote.limits import Limits
from imagery.remote.retry import SYSTEM, RefusedError, RetryableError, http_date, retry_after_s, with_retries

NOW = dt.datetime(2025, 6, 12, 3, 0, tzinfo=dt.UTC)


class Watch:
    """A clock on which only sleeping takes time."""

    def __init__(self, chance=1.0):
        self.slept = []
        self.clock = replace(
            SYSTEM, monotonic=lambda: sum(self.slept), sleep=self.slept.append, random=lambda: chance, now=lambda: NOW
        )


def failing(*errors):
    """A call that raises these in turn and then returns."""
    left = list(errors)

    def call():
        if left:
            raise left.pop(0)
        return "done"

    return call


def test_waits_grow_and_are_drawn_from_nothing_up():
    for chance in (0.0, 0.5, 1.0):
        watch = Watch(chance)
        faults = [RetryableError("busy") for _ in range(4)]
        assert with_retries(failing(*faults), Limits(), "x", watch.clock) == "done"
        assert watch.slept == [chance * bound for bound in (0.5, 1, 2, 4)]


def test_it_waits_at_least_as_long_as_it_was_asked_to():
    watch = Watch()
    with_retries(failing(RetryableError("busy", wait_s=7)), Limits(), "x", watch.clock)
    assert 7 <= watch.slept[0] <= 8


def test_attempts_are_bounded_and_the_last_reason_is_told():
    watch = Watch()
    with pytest.raises(ProviderError, match=r"^B04: is busy \(3 attempts\)\.$"):
        with_retries(failing(*[RetryableError("is busy")] * 9), Limits(attempts=3), "B04", watch.clock)
    assert len(watch.slept) == 2


def test_an_attempt_that_brought_something_is_not_one_of_them():
    faults = [RetryableError("cut", progressed=True) for _ in range(20)]
    assert with_retries(failing(*faults), Limits(attempts=2), "x", Watch(0.0).clock) == "done"


def test_a_wait_beyond_the_deadline_is_not_waited():
    watch = Watch()
    with pytest.raises(ProviderError, match="limit of 60 s"):
        with_retries(failing(RetryableError("busy", wait_s=61)), Limits(deadline_s=60), "x", watch.clock)
    assert watch.slept == []


def test_a_refusal_is_final_and_carries_no_foreign_exception():
    with pytest.raises(ProviderError, match="is gone") as caught:
        with_retries(failing(RefusedError("is gone")), Limits(), "x", Watch().clock)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("999999999999", 86_400.0),
        ("Thu, 12 Jun 2025 03:00:09 GMT", 9.0),
        ("Thu, 12 Jun 2025 02:00:00 GMT", 0.0),
        ("Thursday, 12-Jun-25 03:00:09 GMT", 9.0),
        ("Thu, 12 Jun 2225 03:00:09 GMT", 86_400.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
        ("nan", None),
        ("Thu, 99 Jun 2025 99:00:09 GMT", None),
    ],
)
def test_retry_after(value, seconds):
    assert retry_after_s(value, NOW) == seconds


def test_a_server_with_a_wrong_clock_is_understood_by_its_own_date():
    wrong = http_date("Thu, 12 Jun 2003 11:00:00 GMT")
    assert retry_after_s("Thu, 12 Jun 2003 11:00:05 GMT", wrong) == 5.0
