"""Run the sandbox in the foreground: `python -m sandbox --state DIR`."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from sandbox.runtime import Sandbox, SandboxSettings
from sandbox.storage import StateInUseError


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. The ready line on standard output is the content of `addresses.json`."""
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Set explicitly: a parent may have left them ignored.
        signal.signal(number, lambda *_: stop.set())
    settings = SandboxSettings(
        state=options.state,
        bind=options.bind,
        host=options.host,
        http_port=options.http_port,
        psc_port=options.psc_port,
        dmp_port=options.dmp_port,
        smtp_port=options.smtp_port,
        imap_port=options.imap_port,
        redirect_uris=tuple(options.redirect_uri),
        post_logout_redirect_uris=tuple(options.post_logout_redirect_uri),
        establishment_redirect_uris=tuple(options.establishment_redirect_uri),
        backchannel_logout_uri=options.backchannel_logout_uri,
        lot_signature_required=options.lot_signature == "required",
        with_documents=options.documents == "demonstration",
    )
    try:
        with Sandbox(settings) as sandbox:
            print(sandbox.addresses.as_json(), flush=True)
            stop.wait()
    except (StateInUseError, OSError, ValueError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="Stand-ins of the national services"
    )
    parser.add_argument("--state", type=Path, required=True, help="folder of keys, certificates and data")
    parser.add_argument("--bind", default="127.0.0.1", help="address to listen on (loopback)")
    parser.add_argument("--host", default="localhost", help="name written in the addresses")
    parser.add_argument("--http-port", type=int, default=0, help="pages for the browser and admin API, plain")
    parser.add_argument("--psc-port", type=int, default=0, help="providers, TLS")
    parser.add_argument("--dmp-port", type=int, default=0, help="DMP, mutual TLS")
    parser.add_argument("--smtp-port", type=int, default=0, help="MSSanté, mails sent, STARTTLS")
    parser.add_argument("--imap-port", type=int, default=0, help="MSSanté, mailboxes, STARTTLS")
    parser.add_argument(
        "--lot-signature",
        choices=("required", "optional"),
        default="required",
        help="does the DMP refuse a submission set without its signature?",
    )
    parser.add_argument(
        "--documents",
        choices=("demonstration", "none"),
        default="demonstration",
        help="what the DMP holds at the first start: documents of other structures, or nothing",
    )
    for name, text in (
        ("--redirect-uri", "return address registered with Pro Santé Connect"),
        ("--post-logout-redirect-uri", "return address after the end of a session"),
        ("--establishment-redirect-uri", "return address registered with the second provider"),
    ):
        parser.add_argument(name, action="append", default=[], metavar="URL", help=text)
    parser.add_argument(
        "--backchannel-logout-uri", default="", metavar="URL", help="address told of the end of a session"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
