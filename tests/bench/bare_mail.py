"""What the operator alone costs: the same mails by the libraries, without anything of the product.

The yardstick of `mss_send` and `mss_receive`: one line, one mail after the other, over the same TLS.
"""

from __future__ import annotations

import smtplib
import ssl
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from imapclient import IMAPClient


def send_rate(addresses: dict[str, Any], mails: Sequence[bytes], *, sender: str, recipient: str) -> float:
    """Mails a second that the operator takes from one line."""
    where = urlsplit(addresses["mail"]["smtp_url"])
    with smtplib.SMTP(str(where.hostname), where.port or 0, timeout=60) as line:
        line.starttls(context=_context(addresses))
        started = time.perf_counter()
        for mail in mails:
            line.sendmail(sender, [recipient], mail)
        return len(mails) / (time.perf_counter() - started)


def fetch_rate(addresses: dict[str, Any], mailbox: str, folder: str, count: int) -> float:
    """Mails a second that one line fetches whole, flags, and moves to another folder and back."""
    where = urlsplit(addresses["mail"]["imap_url"])
    with IMAPClient(str(where.hostname), where.port or 0, ssl=False, timeout=60) as line:
        line.starttls(_context(addresses))
        line.sasl_login("EXTERNAL", lambda _challenge: mailbox.encode("ascii"))
        line.select_folder(folder)
        uids = sorted(line.search("ALL"))[:count]
        started = time.perf_counter()
        for uid in uids:
            line.fetch([uid], ["BODY.PEEK[]"])
            line.add_flags([uid], [b"\\Seen"], silent=True)
            line.move([uid], "INBOX")
        return len(uids) / (time.perf_counter() - started)


def _context(addresses: dict[str, Any]) -> ssl.SSLContext:
    files = addresses["certificates"]
    context = ssl.create_default_context(cafile=files["ca"])
    context.load_cert_chain(files["client_cert"], files["client_key"])
    return context
