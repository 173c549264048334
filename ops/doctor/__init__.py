"""`orders doctor`: asks AWS itself whether a stage is as it should be. Each question is a probe with an id."""
