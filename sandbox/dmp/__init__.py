"""Stand-in of the DMP and of Mon espace santé.

Strict reading of the wire, and a registry that keeps its state.
"""
