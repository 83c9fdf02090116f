"""The téléservice INSi of the CNAM: what is asked by traits, what is answered, how it is refused."""
