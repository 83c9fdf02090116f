"""Rules of the consultation, as pure functions."""
