"""The status bar at the top and the row of hints at the bottom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.views import TOPIC_LINK, TOPIC_RISK, BookView, LinkView, RiskView, book_topic
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.panes.status.presenter import StatusInput, hint_row, lost_desk, news_rows, status_row, wrapped
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row, live_mark
from mexc_tui.ui.primitives.text import age_ms, clean, clock, row_width
from mexc_tui.ui.state import NOTICE_NS

_PERIOD_NS = 500_000_000
_OWN_KINDS = ("denied", "halted", "resumed", "swept", "flattened")
_SHOWN_NS = {
    Level.INFO: 4_000_000_000,
    Level.GOOD: 4_000_000_000,
    Level.WARN: 10_000_000_000,
    Level.BAD: 20_000_000_000,
}
_STYLES = {Level.INFO: "info@band", Level.GOOD: "good@band", Level.WARN: "warn@band", Level.BAD: "bad@alert"}


class StatusPane(LinePane):
    """Venue, mode, link and freshness."""

    TITLED: ClassVar[bool] = False
    DEFAULT_CSS = "StatusPane { height: 1; }"

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        return (
            frame.now.mono_ns // _PERIOD_NS,
            frame.view(TOPIC_LINK),
            frame.view(TOPIC_RISK),
            frame.client.died(),
            frame.selection.symbol,
        )

    def build(self, frame: Frame) -> Sequence[Row]:
        link, risk = frame.view(TOPIC_LINK), frame.view(TOPIC_RISK)
        book = frame.view(book_topic(frame.selection.symbol))
        data = StatusInput(
            link=link if isinstance(link, LinkView) else None,
            risk=risk if isinstance(risk, RiskView) else None,
            book=book if isinstance(book, BookView) else None,
            book_age_ms=age_ms(frame.now.mono_ns, book.as_of_ns) if isinstance(book, BookView) else None,
            link_age_ms=age_ms(frame.now.mono_ns, link.as_of_ns) if isinstance(link, LinkView) else None,
            died=frame.client.died(),
            view_only=frame.selection.view_only,
            health=frame.health,
            compared_ms=age_ms(frame.now.mono_ns, risk.compared_ns) if isinstance(risk, RiskView) else None,
        )
        return [status_row(data, frame.width)]


MOST_ROWS = 5
"""A sentence without room in one row takes so many at most, over the panes above: those stay where they are."""


class HintPane(LinePane):
    """Keys that matter now; or, for a few seconds, what has just happened and must not be missed.

    What a key did, what went wrong and what asks for attention is shown whole; good news, and all while an order is
    prepared whose figures they would cover, in one row.
    """

    TITLED: ClassVar[bool] = False
    DEFAULT_CSS = "HintPane { height: 1; }"

    def __init__(
        self,
        hints: Callable[[], Sequence[tuple[str, str]]],
        more: str = "",
        *,
        id: str | None = None,  # noqa: A002
    ) -> None:
        """``more`` says where what is cut can be read."""
        super().__init__(id=id)
        self._hints = hints
        self._more = more
        self._last = -1
        self._news: Fact | None = None
        self._since_ns = 0
        self._until_ns = 0

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        self._collect(frame)
        standing = self._notice(frame)
        news = self._news.seq if self._news is not None and self._until_ns > frame.now.mono_ns else None
        prepared = frame.selection.draft is not None
        return (standing, news, prepared, frame.client.died(), tuple(self._hints()), live_mark(frame.view(TOPIC_LINK)))

    def build(self, frame: Frame) -> Sequence[Row]:
        mark = live_mark(frame.view(TOPIC_LINK))
        rows = self._rows(frame, frame.width - row_width(mark))
        if len(rows) != frame.height:
            self.styles.height = len(rows)
        return [(*row, *mark) for row in rows]

    def _rows(self, frame: Frame, width: int) -> list[Row]:
        notice = self._notice(frame)
        if notice is not None:
            return [((line, notice[1]),) for line in wrapped(clean(notice[0]), width, MOST_ROWS)]
        news = self._news
        if news is not None and self._until_ns > frame.now.mono_ns:
            reasons = [clean(violation.message) for violation in news.violations]
            most = 1 if news.level is Level.GOOD or frame.selection.draft is not None else MOST_ROWS
            lines = news_rows(clock(news.time_ms), clean(news.message), reasons, width, most, self._more)
            return [((line, _STYLES[news.level]),) for line in lines]
        if lost := lost_desk(frame.client.died(), frame.width):
            return [((line, "bad@alert"),) for line in wrapped(lost, width, MOST_ROWS)]
        return [hint_row(self._hints(), width)]

    def _notice(self, frame: Frame) -> tuple[str, str, int] | None:
        """Return the sentence about what a key did; none once something has become of an own order since."""
        notice = frame.selection.notice
        if notice is None or notice[2] <= frame.now.mono_ns:
            return None
        later = self._news is not None and _own(self._news) and self._until_ns > frame.now.mono_ns
        return None if later and self._since_ns > notice[2] - NOTICE_NS else notice

    def _collect(self, frame: Frame) -> None:
        """Keep the most pressing of the new facts; from before the start only what it wants to say first."""
        fresh = frame.client.facts(max(0, self._last))
        if not fresh:
            self._last = max(0, self._last)
            return
        first, self._last = self._last < 0, fresh[-1].seq
        if first:
            fresh = tuple(fact for fact in fresh if fact.kind == "notice")
        for fact in fresh:
            standing = self._news if self._until_ns > frame.now.mono_ns else None
            if _told(fact) and (standing is None or _supersedes(fact, standing)):
                self._news, self._since_ns = fact, frame.now.mono_ns
                self._until_ns = frame.now.mono_ns + _SHOWN_NS[fact.level]


def _told(fact: Fact) -> bool:
    """Whether a fact is for the row of hints: what became of own orders always, the rest from a level on."""
    return fact.level is not Level.INFO or fact.order is not None


def _supersedes(fact: Fact, standing: Fact) -> bool:
    """Whether a new fact takes the place of one that still stands.

    What is newer of the own orders always does; nothing else takes the place of that, and of the rest what is worse
    stays. Only a halt is not hidden by the many orders that it ends.
    """
    if standing.kind == "halted" and fact.level is Level.INFO:
        return False
    if _own(fact) or _own(standing):
        return _own(fact)
    order = (Level.INFO, Level.GOOD, Level.WARN, Level.BAD)
    return order.index(fact.level) >= order.index(standing.level)


def _own(fact: Fact) -> bool:
    return fact.order is not None or fact.fill is not None or fact.kind in _OWN_KINDS
