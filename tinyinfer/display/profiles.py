"""A profile: a sentence, the kinds of work with bars, and all steps for whoever opens them."""

from __future__ import annotations

from html import escape

from tinyinfer.profiling.timings import Profile
from tinyinfer.profiling.words import sentence, shares, work
from tinyinfer.reporting.html import bars_table_html, details_html, facts_html, fragment, table_html
from tinyinfer.reporting.tables import Column, Table, millions
from tinyinfer.showing import to_html


@to_html.register
def profile_html(profile: Profile) -> str:
    """What the time is spent on; times are those of a run that nobody watches."""
    times = profile.unwatched_ms
    parts = shares((work(row.text or row.op), ms) for row, ms in zip(profile.rows, times, strict=True))
    facts = [
        (f"{profile.total_ms:.2f} ms", f"a run, median of {profile.repeats}"),
        (f"{profile.macs / profile.total_ms / 1e6:.1f} GMAC/s", _threads(profile.threads)),
        (f"{millions(profile.macs)} M", "mult-adds"),
        (f"{millions(profile.params)} M", "parameters"),
    ]
    where = ", ".join(part for part in (profile.cpu, profile.date) if part)
    table = Table(
        "",
        [
            Column("what the time is spent on", list(parts), right=False),
            Column("ms", [f"{part * sum(times):.3f}" for part in parts.values()], f"{sum(times):.3f}"),
            Column("share %", [f"{100 * part:.1f}" for part in parts.values()], "100.0"),
        ],
    )
    every = details_html(f"every step ({len(profile.rows)}), as it was when watched", table_html(profile.table()))
    return fragment(
        f"<h1>{escape(f'Profile of {profile.name}')}</h1><p>{escape(sentence(parts))} {escape(where)}</p>"
        + facts_html(facts)
        + bars_table_html(table, {"share %": list(parts.values())})
        + every
    )


def _threads(count: int) -> str:
    return f"with {count} thread{'' if count == 1 else 's'}"
