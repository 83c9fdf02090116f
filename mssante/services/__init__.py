"""Every write of the mail room: mailboxes and correspondents, mails and what becomes of them.

Source: spec mssante 1.10, 2.7, 3.4. Each change of a mail locks it, writes its state, appends one
`MailEvent` and sends `mail_moved`, in one transaction.
"""

from mssante.services.book import address_keep, correspondent_keep, mailbox_set
from mssante.services.directory import (
    DirectoryFound,
    address_checked,
    addresses_recheck,
    directory_forget,
    directory_pick,
    directory_search,
)
from mssante.services.incoming import (
    incoming_clear,
    incoming_digest,
    incoming_settle,
    incoming_store,
    incoming_trace,
)
from mssante.services.mails import (
    mail_accepted,
    mail_attempt,
    mail_create,
    mail_fail,
    mail_postpone,
    mail_retry_later,
    mail_withdraw,
    mails_pause,
)
from mssante.services.quotas import mailbox_quota_watch
from mssante.services.reports import (
    mail_bounced,
    mail_delivered,
    mail_not_treated,
    mail_noted,
    mail_read,
    mails_presume_delivered,
    report_apply,
)
from mssante.services.review import (
    incoming_read_trace,
    incoming_reread,
    incoming_set_aside,
    incoming_text_trace,
)

__all__ = [
    "DirectoryFound",
    "address_checked",
    "address_keep",
    "addresses_recheck",
    "correspondent_keep",
    "directory_forget",
    "directory_pick",
    "directory_search",
    "incoming_clear",
    "incoming_digest",
    "incoming_read_trace",
    "incoming_text_trace",
    "incoming_reread",
    "incoming_set_aside",
    "incoming_settle",
    "incoming_store",
    "incoming_trace",
    "mail_accepted",
    "mail_attempt",
    "mail_bounced",
    "mail_create",
    "mail_delivered",
    "mail_fail",
    "mail_not_treated",
    "mail_noted",
    "mail_postpone",
    "mail_read",
    "mail_retry_later",
    "mail_withdraw",
    "mailbox_quota_watch",
    "mailbox_set",
    "mails_pause",
    "mails_presume_delivered",
    "report_apply",
]
