"""Entry point of ``mexc-tui`` and ``python -m mexc_tui``."""

from __future__ import annotations

import sys

from mexc_tui.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
