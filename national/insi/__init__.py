"""The téléservice INSi: the official identity of a person, searched by traits."""
