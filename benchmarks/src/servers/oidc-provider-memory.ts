/** What node-oidc-provider keeps of one thing. */
interface Kept {
  readonly uid?: string;
  readonly grantId?: string;
  consumed?: number;
}

const kept = new Map<string, Kept>();
/** Names of things by what else they are found by. */
const byUid = new Map<string, string>();
const byGrant = new Map<string, string[]>();

/**
 * Storage for node-oidc-provider: maps, without bounds and without expiry, so that it loses nothing while it is
 * measured. The adapter that it brings along forgets what it has not met among its last thousand things, sessions
 * included.
 */
export class Memory {
  readonly #model: string;

  constructor(model: string) {
    this.#model = model;
  }

  async upsert(id: string, payload: Kept): Promise<void> {
    const key = this.#key(id);
    kept.set(key, payload);
    if (this.#model === 'Session' && payload.uid !== undefined) byUid.set(payload.uid, id);
    if (payload.grantId === undefined) return;
    const ofGrant = byGrant.get(payload.grantId);
    if (ofGrant === undefined) byGrant.set(payload.grantId, [key]);
    else ofGrant.push(key);
  }

  async find(id: string): Promise<Kept | undefined> {
    return kept.get(this.#key(id));
  }

  async findByUid(uid: string): Promise<Kept | undefined> {
    const id = byUid.get(uid);
    return id === undefined ? undefined : this.find(id);
  }

  async findByUserCode(): Promise<undefined> {
    return undefined;
  }

  async consume(id: string): Promise<void> {
    const found = kept.get(this.#key(id));
    if (found !== undefined) found.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id: string): Promise<void> {
    kept.delete(this.#key(id));
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const key of byGrant.get(grantId) ?? []) kept.delete(key);
    byGrant.delete(grantId);
  }

  #key(id: string): string {
    return `${this.#model}:${id}`;
  }
}
