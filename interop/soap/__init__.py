"""SOAP 1.2 with WS-Addressing, WS-Security and MTOM."""
