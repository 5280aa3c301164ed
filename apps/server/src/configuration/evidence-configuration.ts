import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false };
const secretReference = Type.String({ pattern: '^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$', maxLength: 1024 });
const host = Type.String({ minLength: 1, maxLength: 256 });
const names = Type.Array(Type.String({ pattern: '^(\\*|[a-z][a-z0-9_-]{0,62})$' }), {
  maxItems: 64,
  uniqueItems: true,
});

/** How the evidence is dated, published, and stamped. Each part may be left out. */
export const evidenceSchemas = {
  /** Where the log is published, and who must have seen it before. */
  publication: Type.Object(
    {
      /** Who cosigns checkpoints before anybody is shown them. */
      witnesses: Type.Optional(
        Type.Object(
          {
            /** C2SP tlog-policy: witnesses with their addresses, and how many of them are enough. */
            policy: secretReference,
            /** PEM of the authorities that vouch for their servers; the system's when left out. */
            authorities: Type.Optional(secretReference),
            /** How often a growing log is published; 5 when left out. */
            everySeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600 })),
            /** Without a quorum nothing is recorded, and so nothing done, once so many records or seconds stand unpublished. */
            maxUnpublishedRecords: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 1_000_000_000 })),
            maxUnpublishedSeconds: Type.Optional(Type.Integer({ minimum: 10, maximum: 604_800 })),
          },
          closed,
        ),
      ),
      /** A folder for a web server, as C2SP tlog-tiles. */
      folder: Type.Optional(
        Type.Object(
          {
            path: Type.String({ minLength: 1, maxLength: 1024 }),
            /** With the records, which are not for everybody; hashes and checkpoints alone when left out. */
            entries: Type.Optional(Type.Boolean()),
          },
          closed,
        ),
      ),
      /** Where this node keeps the newest head it has shown, best not on the disk of the database; in the data folder, by the port of `listen`, when left out. */
      headGuardFolder: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
    },
    closed,
  ),
  /** What tells how good the clock of this node is (Delegated Regulation (EU) 2025/1155, Articles 11 to 16). */
  clock: Type.Object(
    {
      /** `system`: nothing does, and the records say so; `chrony`: its `chronyc`; or servers that are asked (RFC 5905). */
      source: Type.Union([
        Type.Literal('system'),
        Type.Literal('chrony'),
        Type.Object(
          {
            ntp: Type.Array(
              Type.Object({ host, port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })) }, closed),
              { minItems: 1, maxItems: 8 },
            ),
          },
          closed,
        ),
      ]),
      /** How often it is measured; 60 when left out. */
      windowSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600 })),
      /** Offset and uncertainty together may be so much; 100,000 when left out. */
      budgetMicroseconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000_000 })),
      /** Beyond it records are flagged, or nothing is recorded and so nothing done; `flag` when left out. */
      overBudget: Type.Optional(Type.Union([Type.Literal('flag'), Type.Literal('refuse')])),
    },
    closed,
  ),
  /** RFC 3161. Without it checkpoints are stamped by our own authority. */
  timeStamps: Type.Object(
    {
      authority: Type.Optional(
        Type.Object(
          {
            url: Type.String({ pattern: '^https?://[^#]+$', maxLength: 1024 }),
            /** PEM of the certificates that its tokens must lead to. */
            certificates: secretReference,
            /** Value of the header `Authorization`. */
            authorization: Type.Optional(secretReference),
            /** Object identifier; the only policy that will do. */
            policy: Type.Optional(Type.String({ pattern: '^[0-9]+(\\.[0-9]+)+$', maxLength: 256 })),
          },
          closed,
        ),
      ),
      /** How often the newest published checkpoint is stamped; 60 when left out. */
      checkpointsEveryMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_080 })),
      /** Steps that are stamped by themselves, beside those that a policy asks for; `*` is any. */
      orders: Type.Optional(
        Type.Object(
          {
            /** Types of intent whose opening is stamped. */
            opened: names,
            /** States into which a step is stamped. */
            into: names,
          },
          closed,
        ),
      ),
    },
    closed,
  ),
};

export type ClockConfiguration = Static<typeof evidenceSchemas.clock>;
export type TimeStampsConfiguration = Static<typeof evidenceSchemas.timeStamps>;
export type PublicationConfiguration = Static<typeof evidenceSchemas.publication>;
