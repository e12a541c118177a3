"""The part of ``mexc-tui doctor`` that needs this terminal."""
