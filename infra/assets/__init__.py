"""What is built and packaged for the functions."""
