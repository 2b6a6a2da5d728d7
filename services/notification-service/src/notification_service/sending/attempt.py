"""One attempt at one notification: claim, look again, word, hand over, record.

The claim is an event (`sending-started`) appended at the expected version, so two senders cannot have the same one and
the attempt is counted before it is made. `handover-started` is appended before the first byte of the mail: a sender
that dies leaves either a notification that may be tried again or one whose outcome is unknown, never a doubt which.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import asyncpg
import structlog
from msgspec import Struct

from notification_service.event_log.aggregates import NOTIFICATIONS
from notification_service.notifications.commands import (
    Never,
    NotificationCommand,
    NotNow,
    NotWorthSending,
    Outcome,
    RecordOutcome,
    StartHandover,
    StartSending,
)
from notification_service.notifications.decisions import decide
from notification_service.notifications.policy import SendingPolicy
from notification_service.notifications.refusals import NotificationRefusal
from notification_service.notifications.state import Notification, Status
from notification_service.projections.dispute_state import dispute_now
from notification_service.rules.notice import Address, InformationRequest, Notice
from notification_service.rules.reasons import Reason
from notification_service.rules.worth import still_worth_sending
from notification_service.sending.mail import Mail, Sender, mail
from notification_service.sending.metrics import SendingMetrics
from notification_service.wording.address import deliverable
from notification_service.wording.compose import Personal, Worded, Wording, WordingError, needed_text_is_erased
from notification_service.wording.language import choose
from redress.clock import Clock
from redress.contracts.common import Sealed
from redress.eventlog.aggregates import Loaded, fold, write
from redress.eventlog.events import Actor, Meta, decode_meta
from redress.eventlog.log import EventLog, LogUnavailable, VersionConflict
from redress.failpoints import failpoint
from redress.ids import derived_uuid, new_uuid

LEASE_MARGIN_S = 60.0  # above the longest an attempt can take over SMTP: database and vault have their own deadlines
RECORD_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)  # a mail that left is to be recorded; failing that it ends as unknown

_log = structlog.stdlib.get_logger("notification_service.sending")


class Opens(Protocol):
    """The part of the vault that opens what is sealed."""

    async def open_many(self, tenant_id: str, sealed: Iterable[Sealed]) -> list[str | None]: ...


class Delivers(Protocol):
    """Hands a mail over and says what became of it."""

    @property
    def longest_s(self) -> float:
        """No delivery takes longer."""
        ...

    async def deliver(self, mail: Mail, before_handover: Callable[[], Awaitable[None]]) -> Outcome: ...


class _Claimed(Struct, frozen=True):
    tenant_id: str
    loaded: Loaded[Notification]
    meta: Meta


class _Prepared(Struct, frozen=True):
    mail: Mail
    worded: Worded


class Attempts:
    """Sends what is due. One instance per sender process."""

    def __init__(
        self,
        log: EventLog,
        pool: asyncpg.Pool,
        vault: Opens,
        server: Delivers,
        *,
        wording: Wording,
        sender: Sender,
        clock: Clock,
        metrics: SendingMetrics,
        policy: SendingPolicy | None = None,
    ) -> None:
        self._log = log
        self._pool = pool
        self._vault = vault
        self._server = server
        self._wording = wording
        self._sender = sender
        self._clock = clock
        self._metrics = metrics
        self._policy = policy or SendingPolicy()
        self._name = str(new_uuid())  # no two senders make the same event id, so a claim has one winner

    async def send(self, tenant_id: str, notification_id: UUID) -> Status | None:
        """Make one attempt if its turn has come. What it ended as; None if it was not ours to make."""
        claimed = await self._claim(tenant_id, notification_id)
        if claimed is None:
            return None
        state = claimed.loaded.state
        if state.status is Status.SENDING:
            try:
                claimed, outcome = await self._attempt(claimed)
                await failpoint("smtp.after_answer")
                claimed = await self._record(claimed, outcome)
            except (VersionConflict, NotificationRefusal) as taken:
                _log.warning("notification_taken_over", notification=str(notification_id), reason=str(taken))
                return None
            state = claimed.loaded.state
        self._metrics.attempts.labels(state.status.value, state.reason.value if state.reason else "").inc()
        _log.info(
            "notification_attempted",
            notification=str(notification_id),
            tenant=tenant_id,
            status=state.status.value,
            reason=None if state.reason is None else state.reason.value,
            attempt=state.attempts,
        )
        return state.status

    async def _claim(self, tenant_id: str, notification_id: UUID) -> _Claimed | None:
        """Take it for one attempt. Of an attempt that its sender did not finish, settle what is left to settle."""
        history = await self._log.read_stream(tenant_id, notification_id)
        if not history:
            return None
        state = fold(NOTIFICATIONS, history)
        cause = decode_meta(history[0].meta)
        meta = Meta(
            actor=Actor("system", "notification-service/sender"),
            command_id="",
            correlation_id=cause.correlation_id,
            causation_id=cause.causation_id,
            traceparent=cause.traceparent,
            policy=(self._policy.name,),
        )
        here = _Claimed(tenant_id, Loaded(notification_id, history[-1].version, state), meta)
        lease = timedelta(seconds=self._server.longest_s + LEASE_MARGIN_S)
        try:
            return await self._append(here, StartSending(lease_until=self._clock.now() + lease))
        except (NotificationRefusal, VersionConflict):
            return None

    async def _attempt(self, claimed: _Claimed) -> tuple[_Claimed, Outcome]:
        notice = claimed.loaded.state.notice
        if notice is None or notice.address is None:
            return claimed, NotWorthSending(reason=Reason.NO_ADDRESS, explanation="there is no address to write to")
        async with self._pool.acquire(timeout=5.0) as connection:
            now = await dispute_now(connection, claimed.tenant_id, notice.dispute_id)
        moot = still_worth_sending(notice, now)
        if moot is not None:
            return claimed, NotWorthSending(reason=moot.reason, explanation=moot.explanation)
        prepared = await self._prepare(claimed, notice, notice.address)
        if not isinstance(prepared, _Prepared):
            return claimed, prepared
        handing_over = claimed

        async def before_handover() -> None:
            nonlocal handing_over
            handing_over = await self._append(
                claimed,
                StartHandover(
                    attempt=claimed.loaded.state.attempts,
                    message_id=prepared.mail.message_id,
                    language=prepared.worded.language.value,
                    wording=prepared.worded.wording,
                    rendered_sha256=prepared.worded.sha256,
                ),
            )

        outcome = await self._server.deliver(prepared.mail, before_handover)
        return handing_over, outcome

    async def _prepare(self, claimed: _Claimed, notice: Notice, address: Address) -> _Prepared | Outcome:
        """The mail with everything personal opened; what is wrong with it otherwise."""
        try:
            email, name, what = await self._open(claimed.tenant_id, notice, address)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return NotNow(reason=Reason.KEYS_UNAVAILABLE)
        personal = Personal(name=name, what=what)
        if email is None:
            return NotWorthSending(reason=Reason.ERASED, explanation="the recipient's address has been erased")
        if needed_text_is_erased(notice.facts, personal):
            return NotWorthSending(reason=Reason.ERASED, explanation="the text of the question has been erased")
        to = deliverable(email)
        if to is None:
            return Never(reason=Reason.BAD_ADDRESS, detail="the address cannot stand in an envelope")
        try:
            worded = self._wording.compose(
                notice.template, notice.facts, personal, choose(address.language), self._sender.name
            )
        except WordingError as wrong:
            return Never(reason=Reason.TEMPLATE_ERROR, detail=str(wrong))
        return _Prepared(
            mail(
                claimed.loaded.stream_id,
                notice.dispute_id,
                worded,
                sender=self._sender,
                name=name,
                email=to,
                now=self._clock.now(),
            ),
            worded,
        )

    async def _open(
        self, tenant_id: str, notice: Notice, address: Address
    ) -> tuple[str | None, str | None, str | None]:
        """Address, name and question. None: there is none, or it has been erased."""
        sealed = {"email": address.email}
        if address.name is not None:
            sealed["name"] = address.name
        if isinstance(notice.facts, InformationRequest):
            sealed["what"] = notice.facts.what
        opened = dict(zip(sealed, await self._vault.open_many(tenant_id, sealed.values()), strict=True))
        return opened["email"], opened.get("name"), opened.get("what")

    async def _record(self, claimed: _Claimed, outcome: Outcome) -> _Claimed:
        command = RecordOutcome(attempt=claimed.loaded.state.attempts, outcome=outcome)
        for pause_s in RECORD_PAUSES_S:
            try:
                return await self._append(claimed, command)
            except LogUnavailable:
                await asyncio.sleep(pause_s)
        return await self._append(claimed, command)

    async def _append(self, at: _Claimed, command: NotificationCommand) -> _Claimed:
        """Decide and append. VersionConflict when somebody else was quicker, NotificationRefusal when it may not be."""
        loaded = at.loaded
        events = decide(command, loaded.state, self._policy, self._clock.now())
        command_id = derived_uuid("sender", self._name, str(loaded.stream_id), str(loaded.version))
        meta = Meta(
            actor=at.meta.actor,
            command_id=str(command_id),
            correlation_id=at.meta.correlation_id,
            causation_id=at.meta.causation_id,
            traceparent=at.meta.traceparent,
            policy=at.meta.policy,
        )
        stream_write, state = write(NOTIFICATIONS, loaded, events, meta, self._clock.now())
        if events:
            await self._log.append(at.tenant_id, [stream_write])
        return _Claimed(at.tenant_id, Loaded(loaded.stream_id, loaded.version + len(events), state), at.meta)
