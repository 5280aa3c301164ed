/** What a browser reads of the options that a page has; the rest is for other browsers. */
interface CreationRequest {
  readonly challenge: string;
  readonly rpId: string;
  readonly userHandle: string;
  readonly excluded: readonly string[];
}

interface AssertionRequest {
  readonly challenge: string;
  readonly rpId: string;
  readonly allowed: readonly string[];
}

/** @throws Error as a browser would: a TypeError for what are no options, a SecurityError for an RP ID of others */
export function readCreationOptions(options: unknown, origin: string): CreationRequest {
  const { challenge, rp, user, excludeCredentials } = membersOf(options);
  return {
    challenge: textOf(challenge),
    rpId: requireRpId(membersOf(rp)['id'], origin),
    userHandle: textOf(membersOf(user)['id']),
    excluded: idsOf(excludeCredentials),
  };
}

/** As {@link readCreationOptions}. */
export function readRequestOptions(options: unknown, origin: string): AssertionRequest {
  const { challenge, rpId, allowCredentials } = membersOf(options);
  return { challenge: textOf(challenge), rpId: requireRpId(rpId, origin), allowed: idsOf(allowCredentials) };
}

/** The page's own host, or what it lies below. */
function requireRpId(rpId: unknown, origin: string): string {
  const host = new URL(origin).hostname;
  if (rpId === undefined) return host;
  const text = textOf(rpId);
  if (host !== text && !host.endsWith(`.${text}`))
    throw new DOMException('The RP ID is not one of this page.', 'SecurityError');
  return text;
}

function idsOf(descriptors: unknown): readonly string[] {
  if (descriptors === undefined) return [];
  if (!Array.isArray(descriptors)) throw new TypeError('these are no credentials');
  return descriptors.map((descriptor) => textOf(membersOf(descriptor)['id']));
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new TypeError('these are no options');
  return { ...value };
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('an option is not text');
  return value;
}
