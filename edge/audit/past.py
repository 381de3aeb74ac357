"""What was in force and what was not known within the time asked about, as values of the report."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from edge.audit import words
from edge.audit.asked import Asked
from edge.audit.coverage import BLIND, Coverage
from edge.audit.hotlists import HotListPeriod
from edge.audit.policies import InForce, Policies
from edge.audit.report import Gap, Lapsed, Loss, Pack, Policy, Running, SwitchPeriod, Word
from edge.audit.walk import Walk
from edge.clock import from_milliseconds
from edge.ledger.entries import Pinned, SubscriberChanged
from edge.policy.bundle import law_file


class Past:
    """What a walk found, cut to the time from `began` to `ended` in milliseconds."""

    def __init__(self, found: Walk, asked: Asked, began: int, ended: int) -> None:
        self._policies: Policies = found.policies
        self._coverage: Coverage = found.coverage
        self._hotlists = found.hotlists.periods
        self._asked, self._began, self._ended = asked, began, ended

    def policies(self, reads: Mapping[str, int]) -> tuple[Policy, ...]:
        """The bundles that were in force; `reads` is the number of reads decided by each digest."""
        return tuple(
            _policy(one, reads.get(one.entry.digest, 0))
            for one in self._policies.in_force
            if self._touches(one.since, one.until)
        )

    def hotlists(self) -> tuple[HotListPeriod, ...]:
        """Every version of each hot list, in the order in which they came into force."""
        return tuple(
            HotListPeriod(
                hotlist=hotlist,
                version=version,
                digest=digest,
                position=one.position,
                since=_time(one.since),
                until=_time(one.until),
            )
            for one in self._hotlists
            for hotlist, version, digest in [one.of]
            if self._touches(one.since, one.until)
        )

    def switches(self) -> tuple[SwitchPeriod, ...]:
        """Every switch at each of its values, by name and time."""
        periods = [
            SwitchPeriod(
                switch=one.switch,
                value=one.value,
                since=from_milliseconds(one.since),
                until=_time(one.until),
                by=one.by,
            )
            for one in self._policies.turned
            if one.until != one.since and self._touches(one.since, one.until)
        ]
        return tuple(sorted(periods, key=lambda one: (one.switch, one.since)))

    def words(self) -> tuple[Word, ...]:
        """What else the log says of policy, agencies and keys."""
        return tuple(
            Word(
                at=from_milliseconds(one.at),
                sort=one.entry.kind,
                about=one.entry.subscriber if isinstance(one.entry, SubscriberChanged) else "",
                said="the city's key is pinned" if isinstance(one.entry, Pinned) else words.said(one.entry) or "",
            )
            for one in self._policies.changes
            if self._asked.when(one.at)
            and (not isinstance(one.entry, SubscriberChanged) or self._asked.subscriber(one.entry.subscriber))
        )

    def lapsed(self) -> Iterator[Lapsed]:
        """Agreements that ended."""
        for one in self._policies.lapses:
            if self._asked.when(one.at) and self._asked.subscriber(one.subscriber):
                yield Lapsed(
                    subscriber=one.subscriber,
                    name=one.name,
                    agreement=one.agreement.id,
                    form=one.agreement.form.value,
                    document_sha256=one.agreement.document_sha256,
                    why=one.why,
                    at=from_milliseconds(one.at),
                    last_sent_before=_time(one.last_sent),
                    first_refused_after=_time(one.first_refused),
                    refused_otherwise=one.refused_otherwise,
                    reasons=one.reasons,
                    sent_after=one.sent_after,
                    sent_after_otherwise=one.otherwise,
                )

    def gaps(self) -> tuple[Gap, ...]:
        """All stretches that touch the time, as the log has them; cameras that were not asked about left out."""
        return tuple(
            Gap(
                what=one.what,
                why=one.why,
                said=words.stretch(one.what, one.why),
                began=from_milliseconds(one.began),
                ended=_time(one.ended),
                blind=one.what in BLIND,
            )
            for one in self._coverage.of(self._began, self._ended)
            if not one.what.startswith("camera:") or self._asked.camera(one.what[7:])
        )

    def runs(self) -> tuple[Running, ...]:
        """When the program ran."""
        return tuple(
            Running(
                software=one.software,
                began=from_milliseconds(one.began),
                ended=from_milliseconds(one.ended),
                how=one.how,
                why=one.why,
            )
            for one in self._coverage.runs
            if self._touches(one.began, one.ended)
        )

    def losses(self) -> tuple[Loss, ...]:
        """What was deleted, or could not be, and reads that could not be recorded."""
        return tuple(
            Loss(at=from_milliseconds(one.at), what=one.what, count=one.count, failed=one.failed)
            for one in self._coverage.purges
            if self._asked.when(one.at)
        )

    def _touches(self, since: int | None, until: int | None) -> bool:
        return (since is None or since < self._ended) and (until is None or until >= self._began)


def _policy(one: InForce, reads: int) -> Policy:
    read, entry = one.read, one.entry
    place = read.jurisdiction if read is not None else None
    return Policy(
        position=one.position,
        digest=entry.digest,
        version=entry.version,
        revision=entry.revision,
        signed=bool(entry.signed),
        since=from_milliseconds(one.since),
        until=_time(one.until),
        by=one.by,
        whole=one.whole,
        readable=read is not None,
        valid_until=read.valid_until if read is not None else None,
        owner=read.owner if read is not None else "",
        place=", ".join(part for part in (place.place, place.state) if part) if place is not None else "",
        reviewed_by=(read.policy.law.reviewed_by or "") if read is not None else "",
        banned=tuple(sorted(read.banned)) if read is not None else (),
        undelivered_hours=read.ceiling.total_seconds() / 3600 if read is not None else None,
        packs=_packs(one),
        files=entry.files,
        reads=reads,
    )


def _packs(one: InForce) -> tuple[Pack, ...]:
    digests = dict(one.entry.files)
    return tuple(
        Pack(
            id=pack.id,
            title=pack.text.title,
            version=pack.text.version,
            sha256=digests.get(law_file(pack.id), ""),
        )
        for pack in (one.read.packs if one.read is not None else ())
    )


def _time(value: int | None) -> datetime | None:
    return None if value is None else from_milliseconds(value)
