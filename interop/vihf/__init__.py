"""VIHF: the signed SAML 2.0 assertion that identifies a caller of the national services."""
