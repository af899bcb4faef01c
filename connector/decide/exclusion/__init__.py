"""Exclusion: which groups of buyers the ad platforms are told to leave alone, and who may not leave for them at all."""
