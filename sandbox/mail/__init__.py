"""An operator of MSSanté, and Mon espace santé behind it: mailboxes, SMTP, IMAP, reports, pages."""
