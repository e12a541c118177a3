"""The thread in which the desk lives, and how it is put together."""
