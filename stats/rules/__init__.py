"""How the indicators count: pure functions over facts (spec stats 1, 5)."""
