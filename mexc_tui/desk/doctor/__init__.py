"""The checks of ``mexc-tui doctor`` that need no terminal."""
