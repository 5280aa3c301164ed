import { type BrokerVenue, secretsErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { type VenueOperation, type VenueRequest, venueForms } from './venues/index.ts';

const longestValue = 512;
const mostParameters = 16;

/**
 * The last check before a key signs: only an endpoint of the venue's list, spelled exactly as listed, with known
 * parameters, each once. Nothing is normalised, so no other spelling of a path or parameter can pass.
 * @throws CodedError `venue_request_refused`
 */
export function requirePermitted(
  venue: BrokerVenue,
  operation: VenueOperation,
  { method, path, parameters, carriedAs }: VenueRequest,
): void {
  const endpoint = venueForms[venue].endpoints.find(
    (known) => known.operation === operation && known.method === method && known.path === path,
  );
  if (endpoint === undefined) throw refusePath(path);
  if (parameters.length > mostParameters) throw refuse('The request has too many parameters.');
  const seen = new Set<string>();
  for (const [name, value] of parameters) {
    if (!endpoint.parameters.includes(name)) throw refuse(`${path} has no such parameter.`);
    if (seen.has(name)) throw refuse(`A parameter of ${path} occurs twice.`);
    seen.add(name);
    const isPlain = carriedAs === 'json' ? value.length <= 4_096 : /^[0-9A-Za-z][0-9A-Za-z._:/-]*$/.test(value);
    if (!isPlain || value.length > longestValue)
      throw refuse(`The value of a parameter of ${path} has characters that are not permitted.`);
  }
}

/** A withdrawal, a transfer, a key or a sub-account, in the spelling of any venue. */
const neverSigned =
  /withdraw|transfer|deposit|sub-?_?account|api-?_?key|apirestrictions|wallet|convert|stake|staking|earn/;

function refusePath(path: string): CodedError {
  return neverSigned.test(plainly(path))
    ? refuse('Requests about withdrawals, transfers, keys and sub-accounts are never signed.')
    : refuse("The venue's list does not have this path, method and use.");
}

const refuse = (detail: string): CodedError => secretsErrors.error('venue_request_refused', detail);

/** Decoded as often as needed; for the explanation only. */
function plainly(path: string): string {
  let text = path.slice(0, 2_048);
  for (let depth = 0; depth < 5; depth += 1) {
    const decoded = text.replace(/%([0-9a-fA-F]{2})/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    );
    if (decoded === text) break;
    text = decoded;
  }
  return text.toLowerCase();
}
