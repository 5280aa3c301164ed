// Finds phrases that no text for people uses: errors, command output, pages and documents; with --comments also comments.
// It reads the files that are named, or all of the repository.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/** Each phrase with its replacement. The whole style is in CONTRIBUTING.md. */
const phrases = [
  [/\bwhoever\b/i, 'name who: the caller, the approver, anyone who ...'],
  [/\b(?:is|are|was|were|been|be) told\b/i, 'is informed, receives, is notified'],
  [/\btells? (?:nobody|few|whom)\b/i, 'does not disclose'],
  [/\bbegun\b/i, 'started'],
  [/\bof them there (?:is|are)\b/i, 'there is no ...'],
  [/\b(?:which )?nobody may\b/i, 'not permitted'],
  [/\bstill wanted\b/i, 'outstanding'],
  [/\bthat (?:still )?stands?\b/i, 'active, in force, valid'],
  [/\bstands? in the (?:log|directory)\b/i, 'is in the ...'],
  [/\bneeds the word of\b/i, 'needs approval from'],
  [/\bfrom elsewhere\b/i, 'from another source'],
  [/\bnothing more\b/i, 'none; only'],
  [/\bof (?:before|today)\b/i, 'earlier, current'],
  [/\bfor the moment\b/i, 'currently'],
  [/\bas it (?:was|is) (?:then|now)\b/i, 'at that time, current'],
  [/\b(?:hereby|herein|thereof|therein|whereby|wherein|hence|thus|aforesaid)\b/i, 'a plain word'],
  [/\b(?:utili[sz]e|in order to|please note|simply|obviously)\b/i, 'use; to; nothing'],
  [/\bnot be had\b/i, 'not available'],
  [/\bin the place of\b/i, 'instead of'],
  [/\bcomes? to nothing\b/i, 'has no effect'],
];

const { values: options, positionals: named } = parseArgs({
  options: { comments: { type: 'boolean' } },
  allowPositionals: true,
});
const isText = (file) => file !== '' && !/\.test\.ts$|\/testing\/|^(?:tests|testkit|benchmarks)\//.test(file);
const listed = () => execFileSync('git', ['ls-files', '*.ts', '*.md', '*.cedar', '*.html'], { encoding: 'utf8' });
const files = named.length > 0 ? named : listed().split('\n').filter(isText);

let found = 0;
for (const file of files) {
  const isCode = file.endsWith('.ts');
  for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    const comment = isCode ? (line.match(/^\s*(?:\/\/|\/\*|\*).*|\s\/\/ .*/)?.[0] ?? '') : '';
    const text = options.comments === true ? line : line.replace(comment, '');
    for (const [phrase, better] of phrases) {
      const match = text.match(phrase);
      if (match === null) continue;
      found++;
      console.log(`${file}:${index + 1}: "${match[0]}": ${better}`);
    }
  }
}
if (found > 0) console.log(`\n${found} phrases to replace.`);
process.exitCode = found === 0 ? 0 : 1;
