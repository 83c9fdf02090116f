"""Consultation of the DMP by an identified professional, in AIR mode (spec dmp 0, 6 and 7)."""
