"""How every command reads its options and prints its answer."""
