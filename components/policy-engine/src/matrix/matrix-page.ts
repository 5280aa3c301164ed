import { type Html, html } from '@countersign/runtime';
import type { AuthorityCell, AuthorityRow, Ruling } from './authority-table.ts';
import { describeRow, type MatrixReport, type OutcomeChange } from './report.ts';

interface MatrixPageContent {
  /** Name of the policies: a folder, or the release. */
  readonly of: string;
  readonly hash: string;
  readonly table: readonly AuthorityRow[];
  readonly report: MatrixReport;
  /** The changes against another bundle; absent without a comparison. */
  readonly changes?: { readonly against: string; readonly found: readonly OutcomeChange[] };
}

/** The authority matrix as one page to read, print and sign, without scripts or external resources. */
export function matrixPage({ of, hash, table, report, changes }: MatrixPageContent): string {
  const broken = report.rules.filter(({ broken, judged }) => broken > 0 || judged === 0);
  const body = html`<a class="skip" href="#main">Skip to the content</a>
<main id="main" tabindex="-1">
<h1>Authority matrix</h1>
<p class="lead">Who may do what, and under which conditions, under the policies of ${of}.</p>
<dl>
<div><dt>Policies</dt><dd><code>${hash}</code></dd></div>
<div><dt>Situations tested</dt><dd>${count(report.questions)}, of which ${count(report.permitted)} are permitted</dd></div>
<div><dt>Control rules</dt><dd>${broken.length === 0 ? `${report.rules.length}, all met` : `${report.rules.length}, ${broken.length} not met`}</dd></div>
</dl>
<nav aria-label="On this page"><a href="#rules">Control rules</a>${groups.map(
    (group) => html` <a href="#${idOf(group)}">${titles[group]}</a>`,
  )}${changes === undefined ? undefined : html` <a href="#changes">Changes</a>`} <a href="#signatures">Signatures</a></nav>
${changes === undefined ? undefined : changesOf(changes)}
${groups.map((group) => sectionOf(group, table))}
${rulesOf(report)}
<h2 id="signatures">Signatures</h2>
<p class="quiet">By signing, you confirm that you have read this matrix and accept it for these policies.</p>
<table><thead><tr><th scope="col">Name and role</th><th scope="col">Date</th><th scope="col">Signature</th></tr></thead>
<tbody><tr><td class="blank"></td><td></td><td></td></tr><tr><td class="blank"></td><td></td><td></td></tr></tbody></table>
</main>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Authority matrix · Countersign</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>${style}</style>
</head>
<body>
${body.toString()}
</body>
</html>
`;
}

type Group = AuthorityRow['group'];
const groups: readonly Group[] = ['token for an intent', 'step', 'token for an interface'];
const titles: Readonly<Record<Group, string>> = {
  'token for an intent': 'Tokens for an intent',
  step: 'Steps',
  'token for an interface': 'Tokens for an interface',
};
const idOf = (group: Group) => group.replaceAll(' ', '-');
const count = (number: number) => number.toLocaleString('en-GB');

function sectionOf(group: Group, table: readonly AuthorityRow[]): Html {
  const rows = table.filter((row) => row.group === group);
  return html`<h2 id="${idOf(group)}">${titles[group]}</h2>
<div class="wide" role="region" aria-labelledby="${idOf(group)}" tabindex="0"><table>
<thead><tr><th scope="col">${group === 'token for an interface' ? 'Scope' : 'Scope and intent'}</th><th scope="col">Person</th><th scope="col">Service</th><th scope="col">Algorithm</th></tr></thead>
<tbody>${rows.map(
    ({ scope, intent, states, cells }) => html`<tr><th scope="row"><code>${scope}</code>${
      intent === undefined ? undefined : html`<br><span class="quiet">${intent}: ${(states ?? []).join(', ')}</span>`
    }</th>${cells.map((cell) => html`<td>${cellOf(cell)}</td>`)}</tr>
`,
  )}</tbody></table></div>`;
}

function cellOf(cell: AuthorityCell): Html {
  const { conditions } = cell;
  const lines = byOutcome(conditions);
  return html`${badge(cell)}${
    conditions.length === 0
      ? undefined
      : html`<details><summary>${conditions.length} conditions change the outcome</summary>${lines.map(
          ({ title, found }) =>
            html`<h4>${title}</h4><ul>${found.map(
              ({ factor, value, needs, reasons }) =>
                html`<li>${inWords(factor)}: <strong>${value.replaceAll('-', ' ')}</strong>${
                  needs.length === 0 ? undefined : html` → ${needs.join(', ')}`
                } <code>${reasons.join(', ')}</code></li>`,
            )}</ul>`,
        )}</details>`
  }`;
}

const titlesOfOutcomes = {
  approval: 'Needs approval',
  'step-up': 'Needs a stronger or newer sign-in',
  refused: 'Refused',
  permitted: 'Permitted',
} as const;

function byOutcome(conditions: AuthorityCell['conditions']) {
  return (['approval', 'step-up', 'refused'] as const)
    .map((outcome) => ({
      title: titlesOfOutcomes[outcome],
      found: conditions.filter((each) => each.outcome === outcome),
    }))
    .filter(({ found }) => found.length > 0);
}

/** `signInAge` as `sign in age`. */
export function inWords(factor: string): string {
  return factor.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function badge({ outcome, needs, reasons }: Ruling): Html {
  const more = outcome === 'refused' ? reasons.join(', ') : needs.join(', ');
  return html`<span class="badge ${outcome}">${outcome === 'permitted' ? 'Permitted' : titlesOfOutcomes[outcome]}</span>${
    more === '' ? undefined : html` <code>${more}</code>`
  }`;
}

function rulesOf({ rules }: MatrixReport): Html {
  return html`<h2 id="rules">Control rules</h2>
<div class="wide" role="region" aria-labelledby="rules" tabindex="0"><table>
<thead><tr><th scope="col">Rule</th><th scope="col">Situations</th><th scope="col">Result</th></tr></thead>
<tbody>${rules.map(
    ({
      id,
      says,
      judged,
      broken,
      examples,
    }) => html`<tr><td>${says}<br><code>${id}</code></td><td>${count(judged)}</td><td>${
      broken > 0
        ? html`<span class="badge refused">Not met in ${count(broken)}</span><ul>${examples.map((each) => html`<li>${describeRow(each)}</li>`)}</ul>`
        : judged === 0
          ? html`<span class="badge refused">Applies to no situation</span>`
          : html`<span class="badge permitted">Met</span>`
    }</td></tr>
`,
  )}</tbody></table></div>`;
}

function changesOf({ against, found }: NonNullable<MatrixPageContent['changes']>): Html {
  return html`<h2 id="changes">Changes against ${against}</h2>
${
  found.length === 0
    ? html`<p>No outcome changes.</p>`
    : html`<div class="wide" role="region" aria-labelledby="changes" tabindex="0"><table>
<thead><tr><th scope="col">Request</th><th scope="col">Principal</th><th scope="col">New outcome</th><th scope="col">Situations</th><th scope="col">Simplest example</th></tr></thead>
<tbody>${found.map(
        ({ ask, kind, to, situations, before, after }) => html`<tr><td><code>${ask.scope}</code>${
          ask.door === 'interface'
            ? undefined
            : html`<br><span class="quiet">${ask.door}, ${ask.intent}: ${ask.state}</span>`
        }</td><td>${kind === 'agent' ? 'algorithm' : kind}</td><td><span class="badge ${to}">${to}</span></td><td>${count(situations)}</td><td>${describeRow(after)}<br><span class="quiet">before: ${
          before.permitted ? 'permitted' : before.reasons.join(', ')
        }</span></td></tr>
`,
      )}</tbody></table></div>`
}`;
}

/** Contrasts are at least 4.5:1 (WCAG 2.2, 1.4.3). */
const style = `:root { color-scheme: light dark; --ground: #f3f5f8; --panel: #fff; --ink: #16202e; --quiet: #4d5b6d; --line: #d5dce5; --accent: #1a4a8a; --focus: #c2570c;
--good: #14633a; --good-soft: #e9f6ee; --warning: #7a4a00; --warning-soft: #fff4dc; --problem: #9b1c1c; --problem-soft: #fdeeee; }
@media (prefers-color-scheme: dark) { :root { --ground: #0d131b; --panel: #161e29; --ink: #e8edf4; --quiet: #a8b5c5; --line: #2c3848; --accent: #8ab4f0; --focus: #ffb067;
--good: #8fdcae; --good-soft: #12291d; --warning: #ffd58a; --warning-soft: #2d2412; --problem: #ffb4b4; --problem-soft: #331a1c; } }
*, *::before, *::after { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
main:focus { outline: none; }
h1 { margin: 0 0 .375rem; font-size: 1.75rem; letter-spacing: -.015em; }
h2 { margin: 2.25rem 0 .75rem; font-size: 1.25rem; }
h4 { margin: .75rem 0 .25rem; font-size: .875rem; }
.lead, .quiet, dt { color: var(--quiet); }
.skip { position: absolute; left: 1rem; top: -4rem; padding: .5rem .875rem; background: var(--panel); color: var(--accent); }
.skip:focus { top: .75rem; }
a { color: var(--accent); }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
nav a { min-height: 1.5rem; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
dl { margin: 0 0 1rem; } dl > div { display: grid; grid-template-columns: 12rem 1fr; padding: .375rem 0; border-bottom: 1px solid var(--line); } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 10px; }
table { width: 100%; border-collapse: collapse; background: var(--panel); }
th, td { padding: .5rem .75rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--quiet); font-size: .875rem; } tbody th { font-weight: 500; }
td.blank { height: 3.5rem; }
code { font: .8125rem ui-monospace, Menlo, Consolas, "Liberation Mono", monospace; color: var(--quiet); overflow-wrap: anywhere; }
tbody th code { color: var(--ink); font-size: .875rem; }
ul { margin: 0; padding-left: 1.125rem; font-size: .875rem; }
summary { cursor: pointer; min-height: 1.5rem; color: var(--quiet); font-size: .875rem; }
.badge { display: inline-block; padding: 0 .5rem; border-radius: 99px; font-size: .8125rem; font-weight: 600; }
.permitted { background: var(--good-soft); color: var(--good); } .approval, .step-up { background: var(--warning-soft); color: var(--warning); } .refused { background: var(--problem-soft); color: var(--problem); }
@media (max-width: 40rem) { dl > div { grid-template-columns: 1fr; } th, td { padding: .375rem .5rem; } }
@media print { body { background: #fff; color: #000; } nav, .skip { display: none; } }`;
