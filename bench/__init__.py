"""What an order costs, in time and in money: every figure measured or counted, each against its bound.

`python -m bench` prints them with their method and ends with 1 if one is over. A figure of time is a ratio to
something stock, measured in the same run in turn with it, so that it says the same on a fast machine and a slow.
"""
