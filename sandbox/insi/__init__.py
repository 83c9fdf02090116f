"""The téléservice INSi: a strict stand-in in mutual TLS, with the identities of its qualification base."""
