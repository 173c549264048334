"""A fault at every AWS call that the functions make, and what must hold whatever comes of it."""
