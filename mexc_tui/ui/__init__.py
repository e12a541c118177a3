"""The screen of the terminal."""

import os

# Textual paints at most so often. The frame clock says what there is to paint and when; an answer to a key that comes
# soon after a frame must not wait for the next sixtieth of a second.
os.environ.setdefault("TEXTUAL_FPS", "240")
