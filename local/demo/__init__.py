"""The whole story on a local AWS: real messages, each outcome shown and checked."""
