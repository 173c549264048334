"""The programs that run in processes of their own: what they measure must not be this process's state."""
