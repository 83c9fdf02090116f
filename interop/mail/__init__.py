"""MSSanté mails: documents, notices, reports, and the reading of hostile mails (mssante.md 1, 2, 4)."""
