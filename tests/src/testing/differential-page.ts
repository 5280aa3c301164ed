import type { Explanation } from './differential-comparison.ts';

/** The documentation page with the explained differences. */
export function differencesPage(
  explanations: readonly Explanation[],
  counted: { readonly cases: number; readonly alike: number },
): string {
  return `# Differences from oidc-provider

The same requests, right and wrong, are sent to this server and to
[node-oidc-provider](https://github.com/panva/node-oidc-provider), the most used implementation for Node.js, set up
alike: FAPI 2.0 with pushed requests, DPoP with and without nonces, private_key_jwt and mutual TLS, signed requests and
responses, resource indicators, authorization details, introspection and revocation, with the same clients and keys.

Compared are status, error, members, token type, lifetime, scope, the place and the parameters of a redirect, and the
headers \`Cache-Control\`, \`WWW-Authenticate\` and \`DPoP-Nonce\`. Of ${counted.cases} cases ${counted.alike} are answered alike but for what
is said in the table of all cases that begin in one way: their names end in \`*\`. \`–\` means that there is none.

This page is written by \`tests/src/differential.test.ts\` from its own table: a difference without an explanation fails
that test, and so does an explanation without a difference.

| case | ours | theirs | why ours is right, or chosen | section |
| --- | --- | --- | --- | --- |
${explanations.map(row).join('\n')}
`;
}

function row({ cases, part, ours, theirs, why, section }: Explanation): string {
  const of = part === 'answer' || part === 'value' ? '' : `${part}: `;
  return `| ${[cases.map(escaped).join('<br>'), escaped(of + ours), escaped(of + theirs), escaped(why), section].join(' | ')} |`;
}

/** Text escaped for a table cell. */
function escaped(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*').replaceAll('_', '\\_').replaceAll('<', '&lt;');
}
