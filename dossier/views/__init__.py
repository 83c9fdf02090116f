"""Pages of the record, one module for each journey."""
