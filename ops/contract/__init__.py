"""Rules of the message and kinds of values in answers, for every front end: the command line, and a web page."""
