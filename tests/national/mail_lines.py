"""Operators on loopback that say what a test tells them: SMTP and IMAP, STARTTLS, client certificate."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from national.calls import CallRecord
from national.mail.operator import MailServer, OperatorSettings
from national.transport import TlsFiles
from tests.national.server import _server_context


class Cut(Exception):
    """The script closes the line."""


class Line:
    """One connection of a client."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext, *, is_tls: bool) -> None:
        self._context = context
        connection.settimeout(10)
        self._connection = connection
        if is_tls:
            self._connection = context.wrap_socket(connection, server_side=True)
        self._file: BinaryIO = self._connection.makefile("rb")

    def send(self, *lines: str) -> None:
        self.send_bytes("".join(f"{line}\r\n" for line in lines).encode())

    def send_bytes(self, content: bytes) -> None:
        self._connection.sendall(content)

    def read(self) -> str:
        line = self._file.readline()
        if not line:
            raise Cut
        return line.decode().rstrip("\r\n")

    def read_mail(self) -> bytes:
        """What follows DATA, up to its dot."""
        content = b""
        while not content.endswith(b"\r\n.\r\n"):
            line = self._file.readline()
            if not line:
                raise Cut
            content += line
        return content[:-3]

    def start_tls(self) -> None:
        self._file.close()
        self._connection = self._context.wrap_socket(self._connection, server_side=True)
        self._file = self._connection.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self._connection.close()


Session = Callable[[Line], None]


class LineServer:
    """Listens on loopback; each connection plays the session in a thread."""

    def __init__(self, folder: Path, session: Session, *, is_tls: bool = False) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._context = _server_context(folder)
        self._session = session
        self._is_tls = is_tls
        self._threads: list[threading.Thread] = []
        self.connections = 0

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            line = Line(connection, self._context, is_tls=self._is_tls)
        except OSError:
            connection.close()
            return
        with contextlib.suppress(Cut, OSError):
            self._session(line)
        with contextlib.suppress(OSError):
            line.close()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join()


@contextmanager
def lines(folder: Path, session: Session, *, is_tls: bool = False) -> Iterator[LineServer]:
    server = LineServer(folder, session, is_tls=is_tls)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()


def operator(
    files: TlsFiles, *, smtp: int = 1, imap: int = 1, is_tls: bool = False, read_timeout: float = 5
) -> OperatorSettings:
    return OperatorSettings(
        smtp=MailServer("localhost", smtp, is_tls),
        imap=MailServer("localhost", imap, is_tls),
        tls=files,
        connect_timeout=5,
        read_timeout=read_timeout,
        max_mail_bytes=1000,
        structure="990000010",
    )


@dataclass
class Kept:
    """The recorder of a test."""

    calls: list[CallRecord] = field(default_factory=list)

    def __call__(self, record: CallRecord) -> None:
        self.calls.append(record)


@dataclass
class SmtpScript:
    """A server that accepts all but what `replies` says, by verb: one reply each time, then the usual one.

    A reply of None cuts the line. `mails` are (MAIL, RCPT, content).
    """

    features: tuple[str, ...] = ("SIZE 100000", "8BITMIME", "DSN")
    has_tls: bool = True
    is_tls: bool = False
    replies: dict[str, list[str | None]] = field(default_factory=dict)
    mails: list[tuple[str, str, bytes]] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    USUAL = {
        "GREETING": "220 operateur.test",
        "STARTTLS": "220 go",
        "DATA": "354 go",
        "DOT": "250 2.0.0 Ok: queued as 1",
        "QUIT": "221 bye",
        "AUTH": "235 2.7.0 Ok",
    }

    def __call__(self, line: Line) -> None:
        secure = self.is_tls
        sender = recipient = ""
        self._answer(line, "GREETING")
        while True:
            command = line.read()
            self.heard.append(command)
            verb = command.split()[0].upper()
            if verb == "EHLO" and not self.replies.get("EHLO"):
                offered = (*self.features, *(("STARTTLS",) if self.has_tls and not secure else ()))
                told = ["operateur.test", *offered]
                line.send(*(f"250{'-' if one is not told[-1] else ' '}{one}" for one in told))
                continue
            if not self._answer(line, verb):
                continue
            if verb == "STARTTLS":
                line.start_tls()
                secure = True
            elif verb == "MAIL":
                sender = command
            elif verb == "RCPT":
                recipient = command
            elif verb == "DATA":
                content = line.read_mail()
                self.mails.append((sender, recipient, content))
                self._answer(line, "DOT")
            elif verb == "QUIT":
                return

    def _answer(self, line: Line, verb: str) -> bool:
        """Say what the script holds for a verb; whether it was a consent."""
        waiting = self.replies.get(verb)
        reply = waiting.pop(0) if waiting else self.USUAL.get(verb, "250 2.0.0 Ok")
        if reply is None:
            raise Cut
        line.send(reply)
        return reply[0] in "23"


@dataclass
class ImapScript:
    """A server with one mailbox. `replies` gives, by command, what to say instead: None cuts the line, and
    so does, once said, a reply without TAG. A command named in `silent` gets no answer.

    `inbox` holds mails by uid, `marked` their flags, `folders` what was moved.
    """

    inbox: dict[int, bytes] = field(default_factory=dict)
    capabilities: str = "IMAP4rev1 AUTH=EXTERNAL MOVE UIDPLUS"
    has_tls: bool = True
    is_tls: bool = False
    permanent: str = "\\Seen \\Deleted \\*"
    uid_validity: int = 7
    replies: dict[str, list[str | None]] = field(default_factory=dict)
    marked: dict[int, list[str]] = field(default_factory=dict)
    folders: dict[str, list[int]] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    identity: str = ""

    def __call__(self, line: Line) -> None:
        line.send("* OK ready")
        secure = self.is_tls
        while True:
            tag, _, command = line.read().partition(" ")
            verb, _, arguments = command.partition(" ")
            if verb.upper() == "UID":
                second, _, arguments = arguments.partition(" ")
                verb = f"UID {second}"
            verb = verb.upper()
            self.heard.append(f"{verb} {arguments}".strip())
            if verb in self.silent:
                continue
            waiting = self.replies.get(verb)
            if waiting:
                reply = waiting.pop(0)
                if reply is None:
                    raise Cut
                line.send(reply.replace("TAG", tag))
                if not reply.startswith("TAG"):
                    raise Cut
                continue
            if verb == "CAPABILITY":
                offered = "" if secure or not self.has_tls else " STARTTLS"
                line.send(f"* CAPABILITY {self.capabilities}{offered}")
            elif verb == "STARTTLS":
                line.send(f"{tag} OK go")
                line.start_tls()
                secure = True
                continue
            elif verb == "AUTHENTICATE":
                line.send("+ ")
                self.identity = b64decode(line.read()).decode()
            elif verb == "LOGOUT":
                line.send("* BYE", f"{tag} OK")
                return
            else:
                self._play(line, verb, arguments)
            line.send(f"{tag} OK done")

    def _play(self, line: Line, verb: str, arguments: str) -> None:
        match verb:
            case "SELECT":
                line.send(
                    f"* {len(self.inbox)} EXISTS",
                    f"* OK [PERMANENTFLAGS ({self.permanent})] flags",
                    f"* OK [UIDVALIDITY {self.uid_validity}] uids",
                )
            case "UID SEARCH":
                hidden = "$MSSProcessed" if "KEYWORD" in arguments else "\\Deleted"
                uids = [uid for uid in self.inbox if hidden not in self.marked.get(uid, [])]
                line.send(f"* SEARCH {' '.join(map(str, uids))}".rstrip())
            case "UID FETCH":
                self._fetch(line, arguments)
            case "UID STORE":
                flags = arguments.partition("(")[2].rstrip(")").split()
                for uid in _uids(arguments.split()[0]):
                    self.marked.setdefault(uid, []).extend(flags)
            case "LIST":
                name = arguments.split()[-1].strip('"')
                if name in self.folders:
                    line.send(f'* LIST () "/" "{name}"')
            case "CREATE":
                self.folders[arguments.strip('"')] = []
            case "UID MOVE" | "UID COPY":
                named, name = arguments.split()
                for uid in [uid for uid in _uids(named) if uid in self.inbox]:
                    self.folders[name.strip('"')].append(uid)
                    if verb == "UID MOVE":
                        del self.inbox[uid]
            case "UID EXPUNGE":
                for uid in _uids(arguments):
                    self.inbox.pop(uid, None)
            case "GETQUOTAROOT":
                line.send('* QUOTAROOT INBOX ""', '* QUOTA "" (STORAGE 8 10)')

    def _fetch(self, line: Line, arguments: str) -> None:
        wanted, _, item = arguments.partition(" ")
        for part in wanted.split(","):
            uid = int(part)
            if uid not in self.inbox:
                continue
            if "RFC822.SIZE" in item:
                line.send(f"* 1 FETCH (UID {uid} RFC822.SIZE {len(self.inbox[uid])})")
                continue
            limit = int(item.partition("<0.")[2].partition(">")[0])
            content = self.inbox[uid][:limit]
            section = "HEADER" if "HEADER" in item else ""
            if section:
                content = content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            head = f"* 1 FETCH (UID {uid} BODY[{section}]<0> {{{len(content)}}}\r\n".encode()
            line.send_bytes(head + content + b")\r\n")


def _uids(named: str) -> list[int]:
    return [int(uid) for uid in named.split(",")]
