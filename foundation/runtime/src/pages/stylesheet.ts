import { createHash } from 'node:crypto';

/**
 * The shared stylesheet. Colours are defined once and redefined for dark mode; contrast is at least 4.5:1 for text and 3:1 for
 * the borders of controls (WCAG 2.2, 1.4.3 and 1.4.11).
 */
export const stylesheet = `:root {
  color-scheme: light dark;
  --ground: #f3f5f8;
  --panel: #ffffff;
  --ink: #16202e;
  --quiet: #4d5b6d;
  --line: #d5dce5;
  --control: #77869a;
  --accent: #1a4a8a;
  --accent-ink: #ffffff;
  --accent-strong: #123766;
  --accent-soft: #eaf1fa;
  --focus: #c2570c;
  --warning: #7a4a00;
  --warning-soft: #fff4dc;
  --warning-line: #e3b75a;
  --problem: #9b1c1c;
  --problem-soft: #fdeeee;
  --problem-line: #e2a3a3;
  --shadow: 0 1px 2px rgb(16 32 56 / 6%), 0 8px 28px rgb(16 32 56 / 7%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0d131b;
    --panel: #161e29;
    --ink: #e8edf4;
    --quiet: #a8b5c5;
    --line: #2c3848;
    --control: #7488a1;
    --accent: #8ab4f0;
    --accent-ink: #0b1a30;
    --accent-strong: #b1cef7;
    --accent-soft: #1c2c42;
    --focus: #ffb067;
    --warning: #ffd58a;
    --warning-soft: #2d2412;
    --warning-line: #7c6125;
    --problem: #ffb4b4;
    --problem-soft: #331a1c;
    --problem-line: #834347;
    --shadow: none;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; min-height: 100vh; display: flex; flex-direction: column;
  background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif;
}
.banner {
  padding: .5rem 1.25rem; text-align: center; font-size: .875rem; font-weight: 600;
  background: var(--warning-soft); color: var(--warning); border-bottom: 1px solid var(--warning-line);
}
.masthead {
  width: 100%; max-width: 38rem; margin: 0 auto;
  padding: 1.75rem 1.25rem 1rem; font-weight: 650; font-size: 1.0625rem; letter-spacing: -.005em;
}
.masthead a { display: inline-flex; align-items: center; gap: .625rem; color: inherit; text-decoration: none; }
.masthead a:hover { text-decoration: underline; text-underline-offset: .2em; }
.masthead img { display: block; border-radius: 6px; }
main { width: 100%; max-width: 38rem; margin: 0 auto; padding: 0 1.25rem; overflow-wrap: break-word; }
main:focus { outline: none; }
.colophon { width: 100%; max-width: 38rem; margin: auto auto 0; padding: 1.5rem 1.25rem 2rem; color: var(--quiet); font-size: .8125rem; }
.colophon p { margin: 0; }
.skip { position: absolute; left: 1rem; top: -4rem; padding: .5rem .875rem; background: var(--panel); color: var(--accent); border-radius: 6px; z-index: 1; }
.skip:focus { top: .75rem; }
h1 { margin: 0 0 .375rem; font-size: 1.5rem; line-height: 1.25; letter-spacing: -.015em; font-weight: 680; text-wrap: balance; }
h2 { margin: 1.75rem 0 .625rem; font-size: 1.0625rem; line-height: 1.35; font-weight: 650; }
h3 { margin: 1.25rem 0 .375rem; font-size: .9375rem; font-weight: 650; }
p { margin: 0 0 .875rem; }
a { color: var(--accent); text-underline-offset: .15em; }
p > a:only-child { display: inline-block; min-height: 1.5rem; }
h1 + :is(.notice, .facts, form) { margin-top: 1rem; }
p:has(> label:only-child), p:has(> :is(input, select, textarea):only-child) { margin: 0; }
code, .mono { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: .9em; overflow-wrap: anywhere; }
bdi, strong { overflow-wrap: anywhere; }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); padding: 1.75rem; }
.panel + .panel { margin-top: 1rem; }
.panel > :last-child { margin-bottom: 0; }
.lead { color: var(--quiet); font-size: 1.0313rem; margin-bottom: 1.25rem; }
.lead strong, .lead bdi { color: var(--ink); font-weight: 600; }
.quiet, .hint { color: var(--quiet); font-size: .875rem; }
.problem { border-top: 4px solid var(--problem); }
.code { color: var(--quiet); font-size: .875rem; }
.notice { border: 1px solid var(--line); border-left: 4px solid var(--accent); background: var(--accent-soft); border-radius: 8px; padding: .75rem 1rem; margin: 0 0 1.25rem; }
.notice > :last-child { margin-bottom: 0; }
.notice.warning { background: var(--warning-soft); border-color: var(--warning-line); border-left-color: var(--warning); }
.notice.problem { background: var(--problem-soft); border-color: var(--problem-line); border-left-color: var(--problem); border-top-width: 1px; }
label, legend { font-weight: 600; }
legend { padding: 0; margin-bottom: .5rem; }
fieldset { border: 0; margin: 0 0 1.25rem; padding: 0; min-width: 0; }
fieldset > :last-child { margin-bottom: 0; }
input[type="text"], input[type="search"], select, textarea {
  width: 100%; min-height: 2.75rem; padding: .5rem .75rem; margin: .375rem 0; border: 1px solid var(--control); border-radius: 8px;
  background: var(--panel); color: var(--ink); font: inherit;
}
.field-problem { color: var(--problem); font-size: .9375rem; margin: .25rem 0 .875rem; }
[aria-invalid="true"]:is(input, select, textarea) { border-color: var(--problem); }
.row { display: flex; gap: .625rem; align-items: center; }
.row > :first-child { flex: 1; min-width: 0; }
.choices { list-style: none; margin: 0 0 1.25rem; padding: 0; border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
fieldset > .choices:has(+ .hint) { margin-bottom: .75rem; }
.choices > li + li { border-top: 1px solid var(--line); }
.choice { position: relative; display: flex; gap: .875rem; align-items: flex-start; padding: .8125rem 1rem; font-weight: 400; cursor: pointer; }
.choice:hover { background: var(--accent-soft); }
.choice:has(:checked) { background: var(--accent-soft); box-shadow: inset 3px 0 0 var(--accent); }
.choice input { flex: none; width: 1.125rem; height: 1.125rem; margin: .1875rem 0 0; accent-color: var(--accent); }
a.choice { color: inherit; text-decoration: none; }
a.choice .name { color: var(--accent); text-decoration: underline; text-underline-offset: .15em; }
.choice > span { min-width: 0; }
.entry { padding: .8125rem 1rem; }
.choice .name, .entry .name { display: block; font-weight: 600; overflow-wrap: anywhere; }
.choice .about, .entry .about { display: block; color: var(--quiet); font-size: .875rem; overflow-wrap: anywhere; }
.tag { display: inline-block; padding: 0 .5em; margin: .125rem .125rem 0 0; border: 1px solid var(--line); border-radius: 99px; font-size: .8125rem; line-height: 1.6; color: var(--quiet); background: var(--panel); }
.facts { margin: 0 0 1.25rem; border-top: 1px solid var(--line); }
.facts > div { display: grid; grid-template-columns: minmax(8rem, 34%) 1fr; gap: .25rem 1rem; padding: .5625rem 0; border-bottom: 1px solid var(--line); }
.facts dt { color: var(--quiet); font-size: .9375rem; }
.facts dd { margin: 0; font-weight: 550; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
table { width: 100%; border-collapse: collapse; margin: 0 0 1.25rem; font-variant-numeric: tabular-nums; }
th, td { padding: .5rem .625rem .5rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--quiet); font-size: .875rem; font-weight: 600; }
details { margin: 0 0 1.25rem; border: 1px solid var(--line); border-radius: 8px; padding: .625rem 1rem; }
details > :last-child { margin-bottom: .25rem; }
summary { cursor: pointer; font-weight: 600; }
details[open] > summary { margin-bottom: .625rem; }
pre { margin: 0; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.5rem; }
.actions > form { display: contents; }
.back { margin-top: 1.5rem; }
.panel > :is(form, section) + :is(p, details) { margin-top: 1.5rem; }
button, .button {
  appearance: none; min-height: 2.75rem; padding: .5625rem 1.25rem; border-radius: 8px; border: 1px solid var(--control);
  background: var(--panel); color: var(--ink); font: inherit; font-weight: 600; cursor: pointer; text-decoration: none; display: inline-block;
}
button:hover, .button:hover { border-color: var(--ink); }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--accent-ink); }
button.primary:hover { background: var(--accent-strong); border-color: var(--accent-strong); }
button.refuse { color: var(--problem); border-color: var(--problem); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 8px; }
.choice:has(:focus-visible) { outline: 3px solid var(--focus); outline-offset: -3px; }
.choice:has(:focus-visible) :focus-visible { outline: none; }
.unseen { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 30rem) {
  .masthead { padding: 1.125rem 1rem .75rem; }
  main { padding: 0 .75rem; }
  .panel { padding: 1.25rem 1.125rem; }
  .facts > div { grid-template-columns: 1fr; gap: 0; }
  .actions > *, .actions > form > button { flex: 1 1 100%; text-align: center; }
}
@media (forced-colors: active) {
  .choice:has(:checked) { outline: 2px solid Highlight; outline-offset: -2px; }
}
@media print {
  .masthead, .panel { box-shadow: none; border: 0; }
  .actions, .skip { display: none; }
}
`;

export const stylesheetRoute = '/assets/countersign.css';

/** The path in pages: with the digest of the content, so that it can be cached for ever. */
export const stylesheetPath = `${stylesheetRoute}?v=${createHash('sha256').update(stylesheet).digest('base64url').slice(0, 16)}`;
