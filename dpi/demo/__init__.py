"""The demonstration hospital: fictitious people, official test identities, real entrances."""
