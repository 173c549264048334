"""The one table of a mail's statuses: forward only, and no second mail without a person."""

from itertools import combinations

from functions.shared.row import MAIL_FOLLOWED_BY, MAIL_LEFT, MAIL_NOT_LEFT, mail_follows
from functions.track_email.ses_events import SES_EVENTS


def test_only_a_mail_that_has_not_left_may_be_tried() -> None:
    assert {None, "PENDING", "REJECTED"} == MAIL_NOT_LEFT
    assert {"SENT", "DELIVERED", "BOUNCED", "COMPLAINED"} == MAIL_LEFT


def test_what_has_left_stays_so_but_for_a_rejection_before_it_arrived() -> None:
    assert all(MAIL_FOLLOWED_BY[status] <= MAIL_LEFT | {"REJECTED"} for status in MAIL_LEFT)
    assert [status for status in MAIL_LEFT if "REJECTED" in MAIL_FOLLOWED_BY[status]] == ["SENT"]


def test_no_two_statuses_follow_each_other_but_for_another_try() -> None:
    both_ways = {
        frozenset({one, other})
        for one, other in combinations(MAIL_FOLLOWED_BY, 2)
        if other in MAIL_FOLLOWED_BY[one] and one in MAIL_FOLLOWED_BY[other]
    }
    assert both_ways == {frozenset({"SENDING", "PENDING"}), frozenset({"SENDING", "REJECTED"})}


def test_an_event_of_ses_may_be_the_first_that_the_row_hears_of_a_mail() -> None:
    assert {status for _, _, status in SES_EVENTS} == MAIL_LEFT | {"REJECTED"}
    assert all({"SENDING", "UNKNOWN"} <= {*mail_follows(status)} for _, _, status in SES_EVENTS)
