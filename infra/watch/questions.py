"""The text of the saved queries, in the language of CloudWatch Logs Insights.

Log lines are Powertools' JSON. A metric has a line of its own, as an array: its first value is `….0`. Insights adds the
fields that begin with @. No CDK here, so that the functions' tests can check each field against real lines.
"""

# An execution's last exception is its cause: the time in front makes it sort last, and is cut off again
# (`2026-11-24 07:30:00,000+0000 `, 29 characters). A metric's line has no time of this kind, so that it sorts before
# all of them. Failed means released, or its mail was refused or is open.
FAILED_EXECUTIONS = """\
fields concat(timestamp, " ", state, ": ", error_type) as step_raised
| filter message = "step raised" or ispresent(OrdersFailed.0) or ispresent(MailsRefused.0) or ispresent(MailsUnknown.0)
| stats count(OrdersFailed.0) + count(MailsRefused.0) + count(MailsUnknown.0) as failed,
    sortsLast(step_raised) as raised by order_id, attempt
| filter failed > 0
| stats count(*) as executions by substr(raised, 29) as cause
| sort executions desc
"""

# Replace 12345 with the order's id.
ONE_ORDER = """\
fields @timestamp, attempt, state, message, error_type, error_message, @message
| filter order_id = "12345"
| sort @timestamp asc
"""

# Each state has its own function and log group. Times in ms, without the waits between tries.
SLOWEST_STATES = """\
filter @type = "REPORT"
| stats count(*) as calls, pct(@duration, 50) as p50, pct(@duration, 99) as p99, max(@duration) as slowest,
    count(@initDuration) as cold_starts by @log
| sort p99 desc
"""

# Messages that the starter did not start: refused permanently, or left in the queue for another try.
REFUSALS = """\
filter message in ["OrdersRefused", "left in the queue for another try"]
| stats count(*) as messages by message, error_type, error_message
| sort messages desc
"""

# In seconds. The starter measures from publishing to the execution's start, SendEmail from there to SES's answer.
PUBLISH_TO_MAIL = """\
filter ispresent(SecondsToStart.0) or ispresent(SecondsToMail.0)
| stats sum(SecondsToStart.0) + sum(SecondsToMail.0) as seconds,
    count(SecondsToStart.0) as starts, count(SecondsToMail.0) as mails by order_id, attempt
| filter starts > 0 and mails > 0
| stats count(*) as orders, pct(seconds, 50) as p50, pct(seconds, 99) as p99, max(seconds) as longest
"""

# By the name of the saved query.
QUESTIONS = {
    "failed executions by cause": FAILED_EXECUTIONS,
    "one order's story": ONE_ORDER,
    "slowest states": SLOWEST_STATES,
    "refusals by reason": REFUSALS,
    "from publish to mail": PUBLISH_TO_MAIL,
}
