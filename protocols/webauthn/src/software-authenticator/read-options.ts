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

/** @throws TypeError for malformed options; DOMException `SecurityError` for the RP ID of another site */
export function readCreationOptions(options: unknown, origin: string): CreationRequest {
  const { challenge, rp, user, excludeCredentials } = membersOf(options);
  return {
    challenge: textOf(challenge),
    rpId: requireRpId(membersOf(rp)['id'], origin),
    userHandle: textOf(membersOf(user)['id']),
    excluded: idsOf(excludeCredentials),
  };
}

export function readRequestOptions(options: unknown, origin: string): AssertionRequest {
  const { challenge, rpId, allowCredentials } = membersOf(options);
  return { challenge: textOf(challenge), rpId: requireRpId(rpId, origin), allowed: idsOf(allowCredentials) };
}

/** The page's host or a domain above it. */
function requireRpId(rpId: unknown, origin: string): string {
  const host = new URL(origin).hostname;
  if (rpId === undefined) return host;
  const text = textOf(rpId);
  if (host !== text && !host.endsWith(`.${text}`))
    throw new DOMException('The RP ID is not the host of this page or a domain above it.', 'SecurityError');
  return text;
}

function idsOf(descriptors: unknown): readonly string[] {
  if (descriptors === undefined) return [];
  if (!Array.isArray(descriptors)) throw new TypeError('the credentials are not a list');
  return descriptors.map((descriptor) => textOf(membersOf(descriptor)['id']));
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new TypeError('the options are not an object');
  return { ...value };
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('an option is not text');
  return value;
}
