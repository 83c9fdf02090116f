"""The MSSanté operator: mails sent over SMTP, application mailboxes read over IMAP."""
