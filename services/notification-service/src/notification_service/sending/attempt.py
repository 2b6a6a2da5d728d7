"""One attempt at one notification: claim, look again, word, hand over, record.

The claim is an event (`sending-started`) appended at the expected version, so two senders cannot have the same one and
the attempt is counted before it is made. It holds for a short lease, which the sender renews while the mail server
takes its time: what a dead sender had in hand is taken up soon. `handover-started` is appended before the first byte of
the mail: a sender that dies leaves either a notification that may be tried again or one whose outcome is unknown, never
a doubt which.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import asyncpg
import structlog
from msgspec import Struct

from notification_service.inbox.kit import WorthCheck
from notification_service.notices.notice import Address, Notice
from notification_service.notices.reasons import Reason
from notification_service.notices.worth import Mootness
from notification_service.notifications.commands import (
    AttemptOutcome,
    ContinueSending,
    Deferral,
    MootNotice,
    NotificationCommand,
    PermanentFailure,
    RecordOutcome,
    StartHandover,
    StartSending,
)
from notification_service.notifications.decisions import decide
from notification_service.notifications.policy import SENDING, SendingPolicy
from notification_service.notifications.refusals import NotificationRefusal
from notification_service.notifications.state import Notification, Status
from notification_service.notifications.stream import NOTIFICATION
from notification_service.sending.mail import Mail, Sender, mail
from notification_service.sending.metrics import SendingMetrics
from notification_service.wording.address import deliverable
from notification_service.wording.compose import MailText, PersonalText, Place, Wording, WordingError
from notification_service.wording.language import choose
from redress.clock import Clock
from redress.contracts.common import Sealed
from redress.decider import LoadedStream, fold, load
from redress.eventlog.events import Actor, Meta, StreamWrite, decode_meta
from redress.eventlog.log import Conflict, EventLog, LockConflict, LogUnavailable
from redress.failpoints import failpoint
from redress.handling.unit_of_work import Cause, write_on
from redress.ids import derived_uuid, new_uuid
from redress.legal_entities.events import SenderIdentity
from redress.legal_entities.state import LegalEntity
from redress.legal_entities.stream import LEGAL_ENTITY, legal_entity_stream
from redress.policy.book import Policies

LEASE_S = 30.0  # so long is a notification left alone whose sender has died
RENEW_S = 10.0  # two renewals may fail, and clocks of senders may differ by the rest, before another one takes over
RECORD_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)  # a mail that left is to be recorded; failing that it ends as unknown

_log = structlog.stdlib.get_logger("notification_service.sending")


class Unsealer(Protocol):
    """The part of the vault that opens what is sealed."""

    async def open_many(self, tenant_id: str, sealed: Iterable[Sealed]) -> list[str | None]: ...


class MailServer(Protocol):
    """Hands a mail over and says what became of it. Every step has a deadline; the whole may take minutes."""

    async def deliver(self, mail: Mail, before_handover: Callable[[], Awaitable[None]]) -> AttemptOutcome: ...


class _ClaimedNotification(Struct, frozen=True):
    tenant_id: str
    loaded: LoadedStream[Notification]
    meta: Meta
    policy: SendingPolicy


class _Attempt:
    """One claimed attempt. Its events are appended one after the other, each on the version before."""

    def __init__(self, claimed: _ClaimedNotification) -> None:
        self.claimed = claimed
        self.one_at_a_time = asyncio.Lock()

    @property
    def state(self) -> Notification:
        return self.claimed.loaded.state


class _PreparedMail(Struct, frozen=True):
    mail: Mail
    worded: MailText


class Attempts:
    """Sends what is due. One instance per sender process.

    `worth` is asked by the type of a notice's subject; a notice about another type is always worth sending.
    """

    def __init__(
        self,
        log: EventLog,
        pool: asyncpg.Pool,
        vault: Unsealer,
        server: MailServer,
        *,
        service: str,
        wording: Wording,
        worth: Mapping[str, WorthCheck],
        sender: Sender,
        policies: Policies,
        clock: Clock,
        metrics: SendingMetrics,
        renew_s: float = RENEW_S,
    ) -> None:
        self._log = log
        self._pool = pool
        self._vault = vault
        self._server = server
        self._actor = Actor("system", f"{service}/sender")
        self._wording = wording
        self._worth = worth
        self._sender = sender
        self._clock = clock
        self._metrics = metrics
        self._policies = policies
        self._renew_s = renew_s
        self._name = str(new_uuid())  # no two senders make the same event id, so a claim has one winner

    async def send(self, tenant_id: str, notification_id: UUID) -> Status | None:
        """Make one attempt if its turn has come. Its outcome; None if another sender holds the notification."""
        claimed = await self._claim(tenant_id, notification_id)
        if claimed is None:
            return None
        hand = _Attempt(claimed)
        if hand.state.status is Status.SENDING:
            try:
                async with self._lease_renewed(hand):
                    outcome = await self._attempt(hand)
                    await failpoint("smtp.after_answer")
                    record = RecordOutcome(attempt=hand.state.attempts, outcome=outcome)
                    await self._append_in_turn(hand, record, RECORD_PAUSES_S)
            except (Conflict, NotificationRefusal) as taken:
                _log.warning("notification_taken_over", notification=str(notification_id), reason=str(taken))
                return None
        state = hand.state
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

    async def _claim(self, tenant_id: str, notification_id: UUID) -> _ClaimedNotification | None:
        """Take it for one attempt. Of an attempt that its sender did not finish, settle what is left to settle."""
        history = await self._log.read_stream(tenant_id, notification_id)
        if not history:
            return None
        state = fold(NOTIFICATION, history)
        cause = decode_meta(history[0].meta)
        policy = await self._policies.in_force(tenant_id, SENDING, self._clock.now().astimezone(UTC).date())
        meta = Meta(
            actor=self._actor,
            command_id="",
            correlation_id=cause.correlation_id,
            causation_id=cause.causation_id,
            traceparent=cause.traceparent,
            policy=(policy.citation,),
        )
        here = _ClaimedNotification(
            tenant_id, LoadedStream(notification_id, history[-1].version, state), meta, policy.document
        )
        try:
            return await self._append(here, StartSending(lease_until=self._lease_until()))
        except (NotificationRefusal, Conflict):
            return None

    def _lease_until(self) -> datetime:
        return self._clock.now() + timedelta(seconds=LEASE_S)

    @asynccontextmanager
    async def _lease_renewed(self, hand: _Attempt) -> AsyncIterator[None]:
        """While the block lasts, no other sender takes it, unless this process stands still or the log is away."""

        async def renew() -> None:
            try:
                while True:
                    await asyncio.sleep(self._renew_s)
                    still = ContinueSending(attempt=hand.state.attempts, lease_until=self._lease_until())
                    await self._append_in_turn(hand, still, RECORD_PAUSES_S)
            except (Conflict, NotificationRefusal, LogUnavailable) as lost:
                # The next append shows whether the attempt was taken over.
                _log.warning("lease_not_renewed", notification=str(hand.claimed.loaded.stream_id), reason=str(lost))

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _attempt(self, hand: _Attempt) -> AttemptOutcome:
        tenant_id, notice = hand.claimed.tenant_id, hand.state.notice
        if notice is None or notice.address is None:
            return MootNotice(reason=Reason.NO_ADDRESS, explanation="there is no address to write to")
        moot = await self._moot(tenant_id, notice)
        if moot is not None:
            return MootNotice(reason=moot.reason, explanation=moot.explanation)
        try:
            prepared = await self._prepare(hand.claimed, notice, notice.address)
        except WordingError as wrong:
            return PermanentFailure(reason=Reason.TEMPLATE_ERROR, detail=str(wrong))
        if not isinstance(prepared, _PreparedMail):
            return prepared

        async def before_handover() -> None:
            await self._append_in_turn(
                hand,
                StartHandover(
                    attempt=hand.state.attempts,
                    message_id=prepared.mail.message_id,
                    language=prepared.worded.language.value,
                    wording=prepared.worded.wording,
                    rendered_sha256=prepared.worded.sha256,
                ),
            )

        return await self._server.deliver(prepared.mail, before_handover)

    async def _moot(self, tenant_id: str, notice: Notice) -> Mootness | None:
        is_moot = self._worth.get(notice.subject.type)
        if is_moot is None:
            return None
        async with self._pool.acquire(timeout=5.0) as connection:
            return await is_moot(connection, tenant_id, notice)

    async def _prepare(
        self, claimed: _ClaimedNotification, notice: Notice, address: Address
    ) -> _PreparedMail | AttemptOutcome:
        """The mail with everything personal opened; what is wrong otherwise. WordingError if it cannot be worded."""
        try:
            email, personal = await self._open(claimed.tenant_id, notice, address)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return Deferral(reason=Reason.KEYS_UNAVAILABLE)
        if email is None:
            return MootNotice(reason=Reason.ERASED, explanation="the recipient's address has been erased")
        if personal.erased is not None:
            explanation = f"the text of the {personal.erased} has been erased"
            return MootNotice(reason=Reason.ERASED, explanation=explanation)
        to = deliverable(email)
        if to is None:
            return PermanentFailure(reason=Reason.BAD_ADDRESS, detail="the address cannot stand in an envelope")
        entity = await self._entity(claimed.tenant_id, notice.legal_entity)
        identity = SenderIdentity(name=self._sender.name) if entity.described is None else entity.described.sender
        place = Place(address=identity.address, zone=entity.zone)
        worded = self._wording.compose(notice, personal, choose(address.language), identity.name, place)
        return _PreparedMail(
            mail(
                claimed.loaded.stream_id,
                notice.subject,
                worded,
                sender=Sender(identity.name, self._sender.email),
                name=personal.name,
                email=to,
                now=self._clock.now(),
                reply_to=None if identity.reply_to is None else deliverable(identity.reply_to),
            ),
            worded,
        )

    async def _entity(self, tenant_id: str, code: str | None) -> LegalEntity:
        """Who writes, as described by now."""
        if code is None:
            return LEGAL_ENTITY.initial
        return (await load(self._log, LEGAL_ENTITY, tenant_id, legal_entity_stream(tenant_id, code))).state

    async def _open(self, tenant_id: str, notice: Notice, address: Address) -> tuple[str | None, PersonalText]:
        """The address, None if it has been erased, and the texts of the mail. WordingError if it cannot be worded."""
        texts = self._wording.sealed_texts(notice)
        names = [] if address.name is None else [address.name]
        opened = await self._vault.open_many(tenant_id, [address.email, *names, *texts.values()])
        email, name = opened[0], opened[1] if names else None
        opened_texts = opened[1 + len(names) :]
        return email, PersonalText(name=name, texts=dict(zip(texts, opened_texts, strict=True)))

    async def _append_in_turn(
        self, hand: _Attempt, command: NotificationCommand, pauses_s: Sequence[float] = ()
    ) -> None:
        async with hand.one_at_a_time:
            hand.claimed = await self._append(hand.claimed, command, pauses_s)

    async def _append(
        self, at: _ClaimedNotification, command: NotificationCommand, pauses_s: Sequence[float] = ()
    ) -> _ClaimedNotification:
        """Decide and append. Conflict when another sender was quicker, NotificationRefusal when it may not be.

        While the log does not answer, the same events are appended again after each pause; stored already, they count.
        """
        loaded = at.loaded
        events = decide(command, loaded.state, at.policy, self._clock.now())
        if not events:
            return at
        command_id = derived_uuid("sender", self._name, str(loaded.stream_id), str(loaded.version))
        meta = Meta(
            actor=at.meta.actor,
            command_id=str(command_id),
            correlation_id=at.meta.correlation_id,
            causation_id=at.meta.causation_id,
            traceparent=at.meta.traceparent,
            policy=at.meta.policy,
        )
        stream_write, state = write_on(NOTIFICATION, loaded, events, Cause(meta, self._clock.now()))
        await self._append_until_known(at.tenant_id, stream_write, pauses_s)
        return _ClaimedNotification(
            at.tenant_id, LoadedStream(loaded.stream_id, loaded.version + len(events), state), at.meta, at.policy
        )

    async def _append_until_known(self, tenant_id: str, write: StreamWrite, pauses_s: Sequence[float]) -> None:
        for pause_s in pauses_s:
            try:
                await self._log.append(tenant_id, [write])
            except (LogUnavailable, LockConflict):
                await asyncio.sleep(pause_s)
            else:
                return
        await self._log.append(tenant_id, [write])
