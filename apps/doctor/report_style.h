#pragma once

#include <string_view>

namespace pptp::app {

/// The style sheet of a report. Without < and &, so that it is the same as HTML and as XML.
inline constexpr std::string_view kReportStyle = R"css(
:root {
  --page: #f4f5f7; --card: #ffffff; --text: #1c2128; --soft: #57606a; --line: #d8dce2; --band: #f0f2f5;
  --good: #1a7f37; --good-back: #e3f5e8; --bad: #c5221f; --bad-back: #fdecea; --open: #6e7781; --open-back: #eceef1;
  --tcp: #424a53; --control: #0b5cad; --gre: #7d8590; --lcp: #0b7a75; --authentication: #7a3db8;
  --ccp: #9a5b00; --ipcp: #3a6b1f; --other: #424a53; --data: #57606a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1318; --card: #181d24; --text: #e4e8ee; --soft: #9aa4b0; --line: #333b46; --band: #1f252e;
    --good: #57c878; --good-back: #14301e; --bad: #ff7a70; --bad-back: #3b1a1a; --open: #a3adb8; --open-back: #272e38;
    --tcp: #b9c2cc; --control: #6cb2ff; --gre: #8b949e; --lcp: #4fd0c7; --authentication: #c79bff;
    --ccp: #f0b45a; --ipcp: #9fd67a; --other: #b9c2cc; --data: #9aa4b0;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; padding: 1.5rem 1rem 3rem; background: var(--page); color: var(--text);
  font: 16px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
main { max-width: 76rem; margin: 0 auto; display: grid; gap: 1.25rem; grid-template-columns: minmax(0, 1fr); }
code, .words { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.86em; }
h1, h2, h3, p, ul, ol { margin: 0; }
h1 { font-size: 1.55rem; line-height: 1.25; }
h2 { font-size: 1.1rem; margin-bottom: 0.75rem; }
h3 { font-size: 0.95rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.1rem 1.25rem; min-width: 0; }
.head { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.25rem 1.5rem; color: var(--soft); font-size: 0.9rem; }
.head b { color: var(--text); }
.verdict { border-left: 8px solid var(--bad); background: var(--bad-back); }
.verdict.good { border-left-color: var(--good); background: var(--good-back); }
.kicker { text-transform: uppercase; letter-spacing: 0.06em; font-size: 0.78rem; font-weight: 700; color: var(--bad); margin-bottom: 0.25rem; }
.good .kicker { color: var(--good); }
.id { display: inline-block; margin-top: 0.35rem; padding: 0.05rem 0.5rem; border-radius: 6px; border: 1px solid currentColor; color: var(--soft); }
.told { display: grid; gap: 1rem 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); margin-top: 1rem; }
.told ul, .told ol { padding-left: 1.3rem; }
.told h3 { margin-bottom: 0.25rem; }
.told li + li { margin-top: 0.25rem; }
.steps { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
.steps th, .steps td { text-align: left; vertical-align: top; padding: 0.4rem 0.3rem; border-top: 1px solid var(--line); font-weight: 400; }
.steps tr:first-child th, .steps tr:first-child td { border-top: 0; }
.steps th { width: 8.5rem; font-weight: 600; overflow-wrap: normal; }
.steps td:first-child { width: 2rem; padding-left: 0; }
.steps .why { color: var(--soft); }
.steps .fail th, .steps .fail .why { color: var(--bad); }
.steps .fail th, .steps .fail td { background: var(--bad-back); }
.mark { display: inline-block; width: 1.5rem; height: 1.5rem; border-radius: 50%; text-align: center; line-height: 1.5rem; font-weight: 700; }
.pass .mark { color: var(--good); background: var(--good-back); }
.fail .mark { color: var(--card); background: var(--bad); }
.unknown .mark { color: var(--open); background: var(--open-back); }
.steps .fail .mark { margin-left: 0.2rem; }
.ends { display: flex; justify-content: space-between; gap: 1rem; margin-left: 4.2rem; }
.end { border: 2px solid var(--soft); border-radius: 8px; padding: 0.25rem 0.7rem; font-weight: 700; max-width: 48%; }
.end small { display: block; font-weight: 400; color: var(--soft); }
.end + .end { text-align: right; }
.stage:nth-of-type(odd) .lane { background: var(--band); }
.rung { display: grid; grid-template-columns: 4.2rem minmax(0, 1fr); color: var(--c); }
.when { color: var(--soft); font-size: 0.8rem; font-variant-numeric: tabular-nums; text-align: right; padding: 0.35rem 0.6rem 0 0; }
.when a { color: inherit; text-decoration: none; opacity: 0.75; }
.lane { border: 0 solid var(--soft); border-width: 0 3px; margin: 0 1.2rem; padding-top: 0.3rem; min-width: 0; }
.stage-name { color: var(--soft); }
.stage-name .lane { padding: 0.6rem 0.8rem 0.1rem; text-transform: uppercase; letter-spacing: 0.06em; font-size: 0.74rem; font-weight: 700; }
.said { padding: 0 0.9rem; text-align: center; line-height: 1.3; }
.said b { font-size: 0.95rem; }
.said .count { display: inline-block; padding: 0 0.45rem; border-radius: 1rem; border: 1px solid currentColor; font-size: 0.78rem; }
.said .words { display: block; color: var(--soft); font-size: 0.76rem; }
.arrow { position: relative; height: 14px; }
.arrow::before { content: ""; position: absolute; top: 6px; left: 0; right: 0; border-top: 2px solid currentColor; }
.arrow::after { content: ""; position: absolute; top: 1px; border: 6px solid transparent; }
.sent .arrow::after { right: 0; border-right-width: 0; border-left: 11px solid currentColor; }
.received .arrow::after { left: 0; border-left-width: 0; border-right: 11px solid currentColor; }
.gre .said b, .data .said b { font-weight: 400; font-size: 0.8rem; }
.gre .arrow::before, .data .arrow::before { border-top-style: dotted; }
.failing { color: var(--bad); }
.failing .lane, .stage:nth-of-type(odd) .failing .lane { background: var(--bad-back); }
.failing .arrow::before { border-top-width: 4px; top: 5px; }
.missing .arrow, .lost .arrow { height: 24px; }
.missing .arrow::before, .lost .arrow::before { top: 11px; border-top-style: dashed; border-top-width: 3px; }
.missing .arrow::after, .lost .arrow::after { content: "\2715"; border: 0; top: 0; font-size: 18px; line-height: 25px; font-weight: 700; width: 20px; text-align: center; }
.sent.missing .arrow::before, .sent.lost .arrow::before { right: 38%; }
.sent.missing .arrow::after, .sent.lost .arrow::after { right: auto; left: calc(62% - 4px); }
.received.missing .arrow::before { left: 38%; }
.received.missing .arrow::after { left: auto; right: calc(62% - 4px); }
.note { margin: 0.35rem 0.8rem 0.5rem; padding: 0.45rem 0.8rem; border: 2px solid var(--bad); border-radius: 8px; background: var(--card); color: var(--text); font-size: 0.92rem; }
.note b { color: var(--bad); }
.tail .lane { height: 0.8rem; }
.wait .lane { border-style: dotted; padding: 0.3rem 0; text-align: center; color: var(--soft); font-size: 0.8rem; }
.remark { padding-bottom: 0.75rem; }
.tcp { --c: var(--tcp); } .control { --c: var(--control); } .gre { --c: var(--gre); } .lcp { --c: var(--lcp); }
.authentication { --c: var(--authentication); } .ccp { --c: var(--ccp); } .ipcp { --c: var(--ipcp); }
.other { --c: var(--other); } .data { --c: var(--data); }
.finding + .finding { margin-top: 1.1rem; padding-top: 1.1rem; border-top: 1px solid var(--line); }
.packets { border-collapse: collapse; width: 100%; margin-top: 0.75rem; }
.packets td { vertical-align: top; padding: 0.2rem 0.4rem; border-top: 1px solid var(--line); }
.packets td:nth-child(-n+3) { white-space: nowrap; color: var(--soft); font-size: 0.82rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
.packets tr:target td { background: var(--open-back); }
summary { cursor: pointer; font-weight: 700; font-size: 1.1rem; }
@media (min-width: 68rem) {
  main { grid-template-columns: minmax(0, 25rem) minmax(0, 1fr); align-items: start; }
  .wide { grid-column: 1 / -1; }
  .steps-card { position: sticky; top: 1rem; }
}
@media (max-width: 34rem) {
  body { padding: 0.75rem 0.5rem 2rem; }
  .card { padding: 0.9rem 0.8rem; border-radius: 10px; }
  h1 { font-size: 1.25rem; }
  .rung { grid-template-columns: 3rem minmax(0, 1fr); }
  .ends { margin-left: 3rem; }
  .when { font-size: 0.7rem; padding-right: 0.2rem; }
  .lane { margin: 0 0.4rem; }
  .said { padding: 0 0.5rem; }
  .end { padding: 0.2rem 0.5rem; font-size: 0.9rem; }
  .steps th { width: 7.6rem; font-size: 0.86rem; }
}
@media print {
  @page { margin: 12mm; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  html { font-size: 12px; }
  body { background: #ffffff; padding: 0; font-size: 1rem; }
  .head { margin-bottom: 0.75rem; }
  main { display: block; }
  .card { margin-bottom: 1rem; }
  .rung, .steps tr, .packets tr, .finding, .verdict { break-inside: avoid; }
  .stage-name { break-after: avoid; }
  details::details-content { content-visibility: visible; height: auto; }
}
)css";

}  // namespace pptp::app
