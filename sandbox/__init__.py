"""Runnable stand-ins of the national services, for demonstrations, development and tests only.

The sandbox takes constants from the `codes.py` modules of `interop` and reads the wire with its own code: a
wrong builder of the product must not approve itself.
"""
