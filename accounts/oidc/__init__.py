"""OpenID Connect: any number of providers, Pro Santé Connect first (psc 4 to 9)."""
