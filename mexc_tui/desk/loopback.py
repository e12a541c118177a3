"""What a process may leave out that speaks with nobody but this machine."""

from __future__ import annotations

import os


def skip_certificates() -> None:
    """Keep aiohttp from reading the certificates of the world's authorities, which it does when it is imported.

    To be called before that. This process then trusts no https address at all.
    """
    os.environ["SSL_CERT_FILE"] = os.devnull
