"""Stand-in of Pro Santé Connect, and of a second, generic OpenID Connect provider."""
