"""Wire formats of health data exchange: bytes and frozen dataclasses, no Django."""
