"""XDS.b metadata and transactions as profiled for the DMP."""
