"""The operator's IMAP: pymap speaks the protocol, the mails are those of the store.

A mailbox opens after STARTTLS, by EXTERNAL, to the certificate of the structure that owns it (mssante.md
1.2).
The bytes of a mail are given as they are: its structure is read only for a client that asks for it.
"""

import asyncio
import ssl
from argparse import Namespace
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Final

from proxyprotocol.noop import ProxyProtocolNoop
from proxyprotocol.result import ProxyResultLocal
from proxyprotocol.sock import SocketInfo
from pymap.backend.mailbox import MailboxDataInterface, MailboxSetInterface
from pymap.backend.session import BaseSession
from pymap.bytes import Writeable
from pymap.concurrent import Event, Subsystem
from pymap.config import BackendCapability, IMAPConfig
from pymap.exceptions import AuthorizationFailure, InvalidAuth, NotAllowedError, TemporaryFailure
from pymap.flags import FlagOp
from pymap.interfaces.login import IdentityInterface, LoginInterface
from pymap.interfaces.message import CachedMessage
from pymap.interfaces.token import TokensInterface
from pymap.listtree import ListTree
from pymap.mailbox import MailboxSnapshot
from pymap.message import BaseLoadedMessage, BaseMessage
from pymap.mime import MessageContent
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials import FetchRequirement, ObjectId
from pymap.parsing.specials.flag import Flag, Recent, get_system_flags
from pymap.selected import SelectedMailbox, SelectedSet
from pymap.token import AllTokens
from pymap.user import UserMetadata
from pysasl import SASLAuth
from pysasl.creds.server import ServerCredentials

from sandbox.mail.boxes import Directory
from sandbox.mail.faults import MailFaults
from sandbox.mail.quota import CAPABILITY, QuotaServer, RoomOf
from sandbox.mail.smtp import structure_of
from sandbox.mail.store import INBOX, MailStore, NoSuchMailError, StoredMail

KEYWORDS: Final = frozenset({Flag(b"$MSSProcessed"), Flag(b"$MDNSent"), Flag(b"$Forwarded")})
_writer: ContextVar[asyncio.StreamWriter] = ContextVar("sandbox_imap_writer")


class StoredMessage(BaseMessage):
    """A mail of the store as pymap hands it on."""

    def __init__(self, store: MailStore, mail: StoredMail, *, expunged: bool = False) -> None:
        super().__init__(
            mail.uid,
            datetime.fromisoformat(mail.received_at),
            [Flag(flag.encode("ascii")) for flag in mail.flags],
            expunged=expunged,
        )
        self.store = store
        self.mail = mail

    async def load_content(self, requirement: FetchRequirement) -> "StoredContent":
        return StoredContent(self, requirement)


class StoredContent(BaseLoadedMessage):
    """The bytes of a mail, whole or its headers; parsed for nothing else than a part by its number."""

    def __init__(self, message: StoredMessage, requirement: FetchRequirement) -> None:
        super().__init__(message, requirement, None)
        self._stored = message

    @property
    def raw(self) -> bytes:
        return self._stored.store.content(self._stored.mail)

    @property
    def content(self) -> MessageContent:
        return MessageContent.parse(self.raw)

    def __bytes__(self) -> bytes:
        return self.raw

    def get_size(self, section: Sequence[int] | None = None) -> int:
        return super().get_size(section) if section else self._stored.mail.size

    def get_body(self, section: Sequence[int] | None = None, binary: bool = False) -> Writeable:
        return super().get_body(section, binary) if section or binary else Writeable.wrap(self.raw)

    def get_message_headers(
        self,
        section: Sequence[int] | None = None,
        subset: Collection[bytes] | None = None,
        inverse: bool = False,
    ) -> Writeable:
        if section or subset is not None:
            return super().get_message_headers(section, subset, inverse)
        head, mark, _ = self.raw.partition(b"\r\n\r\n")
        return Writeable.wrap(head + mark)


class StoredFolder(MailboxDataInterface[StoredMessage]):
    """A folder of the store."""

    def __init__(self, store: MailStore, box: str, name: str) -> None:
        self._store = store
        self._box = box
        self._name = name
        self._id = ObjectId.random_mailbox_id()
        self._selected = SelectedSet()

    @property
    def mailbox_id(self) -> ObjectId:
        return self._id

    @property
    def readonly(self) -> bool:
        return False

    @property
    def uid_validity(self) -> int:
        return self._store.folder(self._box, self._name).validity

    @property
    def permanent_flags(self) -> frozenset[Flag]:
        return (get_system_flags() - {Recent}) | KEYWORDS

    @property
    def selected_set(self) -> SelectedSet:
        return self._selected

    async def update_selected(
        self, selected: SelectedMailbox, *, wait_on: Event | None = None
    ) -> SelectedMailbox:
        folder = self._store.folder(self._box, self._name)
        seen = selected.mod_sequence
        selected.mod_sequence = folder.version
        mails = self._store.mails(self._box, self._name)
        if seen is None:
            selected.add_updates([self._message(mail) for mail in mails], [])
        else:
            changed = [mail for mail in mails if folder.changed.get(mail.uid, 0) > seen]
            gone = [uid for uid, version in folder.gone.items() if version > seen]
            selected.add_updates([self._message(mail) for mail in changed], gone)
        return selected

    async def append(self, append_msg: AppendMessage, *, recent: bool = False) -> StoredMessage:
        flags = frozenset(flag.value.decode("ascii") for flag in append_msg.flag_set)
        content = bytes(append_msg.literal)
        return self._message(self._store.deliver(self._box, content, folder=self._name, flags=flags))

    async def copy(self, uid: int, destination: "StoredFolder", *, recent: bool = False) -> int | None:
        mail = self._store.at(self._box, self._name, uid)
        return self._store.copy(mail.id, destination._name).uid if mail else None

    async def move(self, uid: int, destination: "StoredFolder", *, recent: bool = False) -> int | None:
        mail = self._store.at(self._box, self._name, uid)
        return self._store.move(mail.id, destination._name).uid if mail else None

    async def get(self, uid: int, cached_msg: CachedMessage) -> StoredMessage:
        mail = self._store.at(self._box, self._name, uid)
        if mail is not None:
            return self._message(mail)
        if not isinstance(cached_msg, StoredMessage):
            raise TypeError(cached_msg)
        return StoredMessage(self._store, cached_msg.mail, expunged=True)

    async def update(
        self, uid: int, cached_msg: CachedMessage, flag_set: frozenset[Flag], mode: FlagOp
    ) -> StoredMessage:
        mail = self._store.at(self._box, self._name, uid)
        if mail is None:
            return await self.get(uid, cached_msg)

        def change(flags: frozenset[str]) -> frozenset[str]:
            kept = mode.apply(frozenset(Flag(flag.encode("ascii")) for flag in flags), flag_set)
            return frozenset(flag.value.decode("ascii") for flag in kept)

        try:
            return self._message(self._store.set_flags(mail.id, change))
        except NoSuchMailError:
            return await self.get(uid, cached_msg)

    async def delete(self, uids: Iterable[int]) -> None:
        for uid in uids:
            mail = self._store.at(self._box, self._name, uid)
            if mail is not None:
                self._store.delete(mail.id)

    async def claim_recent(self, selected: SelectedMailbox) -> None:
        """No mail is recent here."""

    async def cleanup(self) -> None:
        """Nothing to tidy."""

    async def snapshot(self) -> MailboxSnapshot:
        mails = self._store.mails(self._box, self._name)
        unseen = [place for place, mail in enumerate(mails, start=1) if "\\Seen" not in mail.flags]
        return MailboxSnapshot(
            self.mailbox_id,
            self.readonly,
            self.uid_validity,
            self.permanent_flags,
            self.session_flags,
            len(mails),
            0,
            len(unseen),
            unseen[0] if unseen else None,
            self._store.folder(self._box, self._name).next_uid,
        )

    def _message(self, mail: StoredMail) -> StoredMessage:
        return StoredMessage(self._store, mail)


class StoredFolders(MailboxSetInterface[StoredFolder]):
    """The folders of one mailbox."""

    def __init__(self, store: MailStore, box: str) -> None:
        self._store = store
        self._box = box
        self._folders: dict[str, StoredFolder] = {}

    @property
    def delimiter(self) -> str:
        return "/"

    async def set_subscribed(self, name: str, subscribed: bool) -> None:
        """Subscriptions are not kept."""

    async def list_subscribed(self) -> ListTree:
        return await self.list_mailboxes()

    async def list_mailboxes(self) -> ListTree:
        return ListTree(self.delimiter).update(INBOX, *self._store.folder_names(self._box))

    async def get_mailbox(self, name: str) -> StoredFolder:
        known = INBOX if name.upper() == INBOX else name
        self._store.folder(self._box, known)
        return self._folders.setdefault(known, StoredFolder(self._store, self._box, known))

    async def add_mailbox(self, name: str) -> ObjectId:
        self._store.create_folder(self._box, name)
        return (await self.get_mailbox(name)).mailbox_id

    async def delete_mailbox(self, name: str) -> None:
        raise NotAllowedError

    async def rename_mailbox(self, before: str, after: str) -> None:
        raise NotAllowedError


class Session(BaseSession[StoredMessage]):
    """What one client sees of one mailbox."""

    def __init__(self, owner: str, config: "Config", folders: StoredFolders) -> None:
        super().__init__(owner)
        self._config = config
        self._folders = folders

    @property
    def config(self) -> "Config":
        return self._config

    @property
    def mailbox_set(self) -> StoredFolders:
        return self._folders


class Identity(IdentityInterface):
    """A mailbox, opened in the name of the structure that owns it."""

    def __init__(self, name: str, config: "Config", folders: StoredFolders) -> None:
        self._name = name
        self._config = config
        self._folders = folders

    @property
    def name(self) -> str:
        return self._name

    @property
    def roles(self) -> frozenset[str]:
        return frozenset()

    @asynccontextmanager
    async def new_session(self) -> AsyncIterator[Session]:
        yield Session(self._name, self._config, self._folders)

    async def new_token(self, *, expiration: datetime | None = None) -> str | None:
        return None

    async def get(self) -> UserMetadata:
        return UserMetadata(self._config, self._name)

    async def set(self, metadata: UserMetadata) -> None:
        raise NotAllowedError

    async def delete(self) -> None:
        raise NotAllowedError


class Login(LoginInterface):
    """EXTERNAL: the certificate says who comes, the client says which of its mailboxes it opens."""

    def __init__(self, config: "Config", store: MailStore, directory: Directory, faults: MailFaults) -> None:
        self._config = config
        self._store = store
        self._directory = directory
        self._faults = faults
        self._folders: dict[str, StoredFolders] = {}
        self._tokens = AllTokens(config)

    @property
    def tokens(self) -> TokensInterface:
        return self._tokens

    async def authenticate(self, credentials: ServerCredentials) -> Identity:
        line = _writer.get().get_extra_info("ssl_object")
        structure = structure_of(line.getpeercert(binary_form=True)) if line is not None else ""
        if not structure:
            raise InvalidAuth("A client certificate is required.")
        box = self._directory.box(credentials.authzid)
        if box is None or box.structure != structure:
            raise AuthorizationFailure
        fault = self._faults.of_reading(box.address)
        if fault is not None and fault.name == "read_slow":
            await asyncio.sleep(fault.seconds)
        elif fault is not None:
            raise TemporaryFailure("This mailbox cannot be opened now.")
        folders = self._folders.setdefault(box.address, StoredFolders(self._store, box.address))
        return Identity(box.address, self._config, folders)

    async def authorize(self, authenticated: IdentityInterface, authzid: str) -> IdentityInterface:
        return authenticated


class Config(IMAPConfig):
    """The settings of pymap: STARTTLS with our certificate, EXTERNAL and nothing else."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(
            Namespace(passlib_cfg=None, proxy_protocol=None),
            host=None,
            port=0,
            ssl_context=context,
            subsystem=Subsystem.for_asyncio(),
            proxy_protocol=ProxyProtocolNoop(),
            reject_dnsbl=False,
            invalid_user_sleep=0,
            max_append_len=40 * 2**20,
            admin_key=b"",
        )

    @property
    def backend_capability(self) -> BackendCapability:
        return BackendCapability(idle=False, object_id=False, multi_append=False, custom=[CAPABILITY])

    @property
    def initial_auth(self) -> SASLAuth:
        return SASLAuth.named([b"EXTERNAL"])

    @property
    def tls_auth(self) -> SASLAuth:
        return SASLAuth.named([b"EXTERNAL"])

    @property
    def greeting(self) -> bytes:
        return b"operateur.mssante.test ready"


class OperatorImap:
    """Called with each connection."""

    def __init__(
        self,
        context: ssl.SSLContext,
        store: MailStore,
        directory: Directory,
        faults: MailFaults,
        room_of: RoomOf,
    ) -> None:
        config = Config(context)
        config.apply_context()
        self._server = QuotaServer(Login(config, store, directory, faults), config)
        self._server.room_of = room_of
        self._open: set[asyncio.StreamWriter] = set()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _writer.set(writer)
        self._open.add(writer)
        try:
            await self._server(reader, writer, SocketInfo.get(writer, ProxyResultLocal()))
        except (ConnectionError, ssl.SSLError, EOFError):
            pass  # a line broken by the client is no event
        finally:
            self._open.discard(writer)
            writer.close()

    def cut(self) -> None:
        """Close every line."""
        for writer in list(self._open):
            writer.transport.abort()
