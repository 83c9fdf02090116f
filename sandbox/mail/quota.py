"""GETQUOTAROOT for the operator's IMAP, which pymap does not speak: one root, the mailbox (RFC 2087)."""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from typing import ClassVar, Final, NamedTuple

from proxyprotocol.sock import SocketInfo
from pymap.context import connection_exit
from pymap.imap import IMAPConnection, IMAPServer
from pymap.imap.state import ConnectionState
from pymap.parsing import EndLine, Params, Space
from pymap.parsing.command import CommandAuth
from pymap.parsing.response import CommandResponse, ResponseOk, UntaggedResponse
from pymap.parsing.specials import Mailbox
from pymap.selected import SelectedMailbox

CAPABILITY: Final = b"QUOTA"
DEFAULT_BYTES: Final = 500 * 2**20
_KIBIBYTE: Final = 1024


class Room(NamedTuple):
    """Bytes taken in a mailbox, and bytes that it may hold."""

    used: int
    limit: int


RoomOf = Callable[[str], Room]


class GetQuotaRootCommand(CommandAuth):
    """`GETQUOTAROOT "INBOX"`."""

    command: ClassVar[bytes] = b"GETQUOTAROOT"

    def __init__(self, tag: bytes, mailbox: Mailbox) -> None:
        super().__init__(tag)
        self.mailbox: Final = mailbox.value

    @classmethod
    def parse(cls, buf: memoryview, params: Params) -> tuple[GetQuotaRootCommand, memoryview]:
        _, buf = Space.parse(buf, params)
        mailbox, buf = Mailbox.parse(buf, params)
        _, buf = EndLine.parse(buf, params)
        return cls(params.tag, mailbox), buf


class _State(ConnectionState):
    """A line that answers about the room taken."""

    room_of: RoomOf

    async def do_getquotaroot(
        self, cmd: GetQuotaRootCommand
    ) -> tuple[CommandResponse, SelectedMailbox | None]:
        room = self.room_of(str(self.session.owner))
        used, limit = -(-room.used // _KIBIBYTE), room.limit // _KIBIBYTE
        answer = ResponseOk(cmd.tag, cmd.command + b" completed.")
        answer.add_untagged(
            UntaggedResponse(b'QUOTAROOT "INBOX" ""'),
            UntaggedResponse(b'QUOTA "" (STORAGE %d %d)' % (used, limit)),
        )
        return answer, None


class QuotaServer(IMAPServer):
    """The server of pymap, whose lines know one command more. `room_of` is asked with an address."""

    __slots__ = ["room_of"]

    room_of: RoomOf

    async def __call__(self, reader: StreamReader, writer: StreamWriter, sock_info: SocketInfo) -> None:
        self.commands.register(GetQuotaRootCommand)
        line = IMAPConnection(self.commands, self._config, reader, writer, sock_info)
        state = _State(self._login, self._config)
        state.room_of = self.room_of
        async with AsyncExitStack() as stack:
            connection_exit.set(stack)
            stack.enter_context(closing(line))
            await line.run(state)
