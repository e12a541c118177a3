"""Settings: typed, strictly read, with every refusal pointing at the place to change."""
