"""Where the foreign side of a market comes from: a seeded model or a recorded tape."""
