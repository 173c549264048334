"""What tests and the bench use of the insides of moto, botocore, Powertools and Lambda's runtime client, and why.

None of it is promised to last, so it is in this folder alone, and each distribution has the version that it was tried
with. A test fails when another one is installed: then run the tests of `tests/functions`, `tests/statemachine`,
`tests/schedules` and `tests/bench`, which use all of it, and write the new version here.
"""

from typing import Final

HOLDS_FOR: Final = {
    "aws-lambda-powertools": "3.37.0",
    "awslambdaric": "4.2.2",
    "botocore": "1.43.106",
    "moto": "5.2.5",
}
