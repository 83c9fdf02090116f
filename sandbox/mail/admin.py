"""What tests and demonstrations ask of the operator: mails, deposits, receipts, faults, letters."""

import base64
import binascii
from typing import Any, Final

from sandbox.mail.letters import Case, LetterBox, Sent
from sandbox.mail.notices import Receipt
from sandbox.mail.operator import MailOperator
from sandbox.mail.store import StoredMail
from sandbox.serving import Request, Response, json_response

MAX_LETTERS: Final = 1000


class MailAdmin:
    """Routes below `/admin/mail/`; ValueError for a request that cannot be understood."""

    def __init__(self, operator: MailOperator, letters: LetterBox) -> None:
        self._operator = operator
        self._letters = letters

    def route(self, request: Request, path: str, values: dict[str, Any]) -> Response | None:
        """The answer, or None for another address."""
        match request.method, path:
            case "GET", "mails":
                box = request.query.get("box", "")
                return json_response([self._view(mail) for mail in self._operator.store.all_mails(box)])
            case "GET", "content":
                return self._content(request.query.get("id", ""))
            case "POST", "mails":
                return self._deposit(values)
            case "POST", "receipts":
                return self._receipt(values)
            case "POST", "letters":
                return self._write_letters(values)
            case "POST", "validity":
                self._operator.store.new_validity(str(values.get("box", "")))
                return json_response({})
            case "GET", "faults":
                return json_response(self._operator.faults.list())
            case "POST", "faults":
                return self._add_fault(values)
            case "DELETE", "faults":
                self._operator.faults.clear()
                return json_response([])
        return None

    def _content(self, number: str) -> Response | None:
        mail = self._operator.store.mail(int(number)) if number.isdecimal() else None
        if mail is None:
            return None
        return Response(body=self._operator.store.content(mail), content_type="text/plain")

    def _deposit(self, values: dict[str, Any]) -> Response:
        """Put a mail, given in base64, into a mailbox, as it would come from another operator."""
        try:
            content = base64.b64decode(str(values.get("content", "")), validate=True)
            mail = self._operator.deposit(
                str(values.get("box", "")), content, sender=str(values.get("sender", ""))
            )
        except (binascii.Error, KeyError) as error:
            raise ValueError(f"box of the operator, content in base64: {error}") from error
        return json_response(self._view(mail))

    def _receipt(self, values: dict[str, Any]) -> Response:
        mail = self._operator.store.mail(int(values.get("id", 0)))
        if mail is None:
            raise ValueError("no such mail")
        error = values.get("error")
        receipt = Receipt(
            str(values.get("kind", "displayed")),
            error=(str(error[0]), str(error[1])) if isinstance(error, list) and len(error) == 2 else None,
            is_manual=bool(values.get("is_manual", True)),
        )
        return json_response({"answered": self._operator.answer(mail, receipt)})

    def _write_letters(self, values: dict[str, Any]) -> Response:
        """Send `count` letters of one case; the answer gives the identifiers of each."""
        count = values.pop("count", 1)
        if not isinstance(count, int) or not 1 <= count <= MAX_LETTERS:
            raise ValueError(f"count is from 1 to {MAX_LETTERS}")
        case = Case(values.pop("case", ""))
        try:
            sent = [self._letters.send(case, **values) for _ in range(count)]
        except TypeError as error:
            raise ValueError(str(error)) from error
        return json_response([_letter_view(one) for one in sent])

    def _add_fault(self, values: dict[str, Any]) -> Response:
        times = values.get("times", 1)
        if not isinstance(times, int):
            raise ValueError("times is a number")
        self._operator.faults.add(
            str(values.get("effect", "")), address=str(values.get("address", "*")), times=times
        )
        return json_response(self._operator.faults.list())

    def _view(self, mail: StoredMail) -> dict[str, Any]:
        return {
            "id": mail.id,
            "box": mail.box,
            "folder": mail.folder,
            "uid": mail.uid,
            "flags": sorted(mail.flags),
            "size": mail.size,
            "received_at": mail.received_at,
        }


def _letter_view(sent: Sent) -> dict[str, Any]:
    return {
        "unique_id": sent.letter.unique_id,
        "set_id": sent.letter.set_id,
        "version": sent.letter.version,
        "message_id": sent.message_id,
    }
