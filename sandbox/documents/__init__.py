"""Documents of other structures, as the sandbox writes them: CDA of level 1 and 3, and their PDF."""
