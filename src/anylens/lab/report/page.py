"""A page of what was measured: one HTML file that needs nothing else, for a phone and a desk, by day and night."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from anylens.lab.figure import Figure
from anylens.lab.report.svg import STYLE, Drawing


@dataclass(frozen=True, slots=True)
class Headline:
    """One number that people look for: what it is, the number, its unit, and what more there is to say."""

    name: str
    value: Figure | str
    unit: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with what was found marked in it, as JPEG bytes."""

    jpeg: bytes = field(repr=False)
    caption: str


@dataclass(frozen=True, slots=True)
class Section:
    """One measure: its headlines, plots, pictures and the table of all its figures."""

    title: str
    of: str
    lead: str
    headlines: tuple[Headline, ...]
    drawings: tuple[Drawing, ...] = field(repr=False, default=())
    pictures: tuple[Picture, ...] = field(repr=False, default=())
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = field(repr=False, default=())
    notes: tuple[str, ...] = ()


_PAGE = """
*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",sans-serif;font-feature-settings:"tnum"}
header,main,footer{max-width:1360px;margin:0 auto;padding:0 22px}
header{padding-top:46px;padding-bottom:10px}
.mark{color:var(--accent);font-weight:600;letter-spacing:.02em;margin:0}
h1{font-size:clamp(30px,6vw,52px);line-height:1.08;letter-spacing:-.025em;margin:.18em 0 .3em;font-weight:680}
.under{color:var(--soft);margin:0;max-width:62ch}
nav{position:sticky;top:0;z-index:2;background:color-mix(in srgb,var(--paper) 88%,transparent);
backdrop-filter:blur(10px);border-bottom:1px solid var(--faint);margin-top:26px}
nav div{max-width:1360px;margin:0 auto;padding:0 22px;display:flex;gap:22px;overflow-x:auto;scrollbar-width:none}
nav a{color:var(--soft);text-decoration:none;padding:13px 0;white-space:nowrap;font-size:15px}
nav a:hover{color:var(--ink)}a:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:3px}
section{padding:54px 0 18px;scroll-margin-top:44px}
h2{font-size:clamp(23px,4vw,32px);letter-spacing:-.018em;line-height:1.15;margin:0;font-weight:660}
.of{color:var(--soft);margin:.15em 0 0;overflow-wrap:anywhere}.lead{max-width:68ch;margin:.9em 0 0}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(46%,168px),1fr));margin:24px 0;
background:var(--card);border:1px solid var(--faint);border-radius:14px;overflow:hidden}
.figures div{padding:16px 18px;box-shadow:1px 1px 0 0 var(--faint)}
.figures dt{color:var(--soft);font-size:14px;line-height:1.3}
.figures dd{margin:.3em 0 0;font-size:27px;line-height:1.15;letter-spacing:-.02em;font-weight:620}
.figures dd small{font-size:14px;font-weight:450;letter-spacing:0;color:var(--soft);white-space:nowrap}
.figures p{margin:.3em 0 0;color:var(--soft);font-size:13px;line-height:1.35}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,395px),1fr));gap:18px;margin:18px 0}
.plots:has(>:nth-child(2):last-child),.plots:has(>:nth-child(4):last-child){
grid-template-columns:repeat(auto-fit,minmax(min(100%,500px),1fr))}
figure{margin:0;background:var(--card);border:1px solid var(--faint);border-radius:14px;padding:16px 14px 10px;
overflow:hidden}
figure svg,figure img{display:block;width:100%;height:auto}figure img{border-radius:8px}
figcaption{color:var(--soft);font-size:14px;padding:10px 4px 4px}
details{border:1px solid var(--faint);border-radius:14px;background:var(--card);margin:18px 0}
summary{cursor:pointer;padding:13px 18px;color:var(--soft)}summary:hover{color:var(--ink)}
.scroll{overflow-x:auto;padding:0 18px 14px}
table{border-collapse:collapse;font-size:14px;width:100%}th{text-align:right;color:var(--soft);font-weight:500}
td,th{padding:6px 14px 6px 0;border-bottom:1px solid var(--faint);white-space:nowrap;text-align:right}
td:first-child,th:first-child{text-align:left}tr:last-child td{border-bottom:0}
.notes{color:var(--soft);font-size:14px;padding-left:1.1em;margin:14px 0}.notes li{margin:.25em 0}
footer{color:var(--soft);font-size:14px;padding-top:40px;padding-bottom:60px}
@media (max-width:560px){header,main,footer,nav div{padding-left:16px;padding-right:16px}header{padding-top:30px}
section{padding-top:40px}.figures dd{font-size:23px}.figures div{padding:14px 12px}
figure{padding:12px 8px 6px}}
@media print{nav{display:none}figure,details{break-inside:avoid}}
""".strip()


def page(title: str, under: str, sections: Sequence[Section], apart: Sequence[str] = ()) -> str:
    """The page's text; `under` says of what it is, `apart` which files were left aside and why."""
    names = [f"s{index + 1}" for index in range(len(sections))]
    words = _apart([each.title for each in sections])
    links = "".join(f'<a href="#{name}">{escape(word)}</a>' for name, word in zip(names, words, strict=True))
    aside = f"<p>Left aside:</p>{_notes(apart)}" if apart else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_allowed()}">'
        f"<title>{escape(title)} · anylens lab</title><style>{_style()}</style></head>\n"
        f'<body><header><p class="mark">anylens lab</p><h1>{escape(title)}</h1><p class="under">{escape(under)}</p>'
        f'</header>\n<nav aria-label="Measures"><div>{links}</div></nav>\n<main>'
        + "\n".join(_section(name, each) for name, each in zip(names, sections, strict=True))
        + f"</main>\n<footer>{aside}<p>± is one standard error. Hollow points took no part in a fit.</p></footer>"
        "</body></html>\n"
    )


def _apart(titles: Sequence[str]) -> list[str]:
    """The titles, numbered where one stands several times."""
    return [
        f"{title} {titles[:index].count(title) + 1}" if titles.count(title) > 1 else title
        for index, title in enumerate(titles)
    ]


def _style() -> str:
    return STYLE + "\n" + _PAGE


def _allowed() -> str:
    """Nothing is fetched and nothing runs: only this page's own style and the pictures that it holds."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; style-src-attr 'unsafe-inline'; img-src data:"


def _section(name: str, section: Section) -> str:
    parts = [f'<section id="{name}"><h2>{escape(section.title)}</h2><p class="of">{escape(section.of)}</p>']
    parts.append(f'<p class="lead">{escape(section.lead)}</p><dl class="figures">')
    parts += [_headline(each) for each in section.headlines]
    parts.append('</dl><div class="plots">')
    parts += [f"<figure>{each.inline()}</figure>" for each in section.drawings]
    for picture in section.pictures:
        data = base64.b64encode(picture.jpeg).decode()
        caption = escape(picture.caption)
        image = f'<img src="data:image/jpeg;base64,{data}" alt="{caption}">'
        parts.append(f"<figure>{image}<figcaption>{caption}</figcaption></figure>")
    parts.append("</div>")
    if section.rows:
        parts.append(_table(section))
    parts.append(_notes(section.notes))
    parts.append("</section>")
    return "".join(parts)


def _headline(headline: Headline) -> str:
    if isinstance(headline.value, Figure):
        shown, _, error = str(headline.value).partition(" ± ")
    else:
        shown, error = headline.value, ""
    below = (f"± {error}" if error else "", headline.more)
    more = "".join(f"<p>{escape(each)}</p>" for each in below if each)
    shown = shown.replace("-", "−") if shown[1:2].isdigit() else shown
    return (
        f"<div><dt>{escape(headline.name)}</dt><dd>{escape(shown)}"
        f"{f' <small>{escape(headline.unit)}</small>' if headline.unit else ''}</dd>{more}</div>"
    )


def _table(section: Section) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in section.head)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in section.rows)
    return (
        f'<details><summary>All figures</summary><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _notes(notes: Sequence[str]) -> str:
    lines = "".join(f"<li>{escape(note)}</li>" for note in dict.fromkeys(notes))
    return f'<ul class="notes">{lines}</ul>' if lines else ""
