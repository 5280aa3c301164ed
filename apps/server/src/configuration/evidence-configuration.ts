import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false };
const secretReference = Type.String({ pattern: '^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$', maxLength: 1024 });
const host = Type.String({ minLength: 1, maxLength: 256 });
const names = Type.Array(Type.String({ pattern: '^(\\*|[a-z][a-z0-9_-]{0,62})$' }), {
  maxItems: 64,
  uniqueItems: true,
});

/** Clock quality, publication and time stamps of the evidence. Every part is optional. */
export const evidenceSchemas = {
  /** Where the log is published, and which witnesses must have cosigned it first. */
  publication: Type.Object(
    {
      /** Witnesses that cosign checkpoints before publication. */
      witnesses: Type.Optional(
        Type.Object(
          {
            /** C2SP tlog-policy: the witnesses with their addresses, and the quorum. */
            policy: secretReference,
            /** PEM of the authorities that issue the witnesses' server certificates. Default: the system's authorities. */
            authorities: Type.Optional(secretReference),
            /** Seconds between publications of a growing log. Default: 5. */
            everySeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600 })),
            /**
             * Limits on unpublished records. If the witness quorum is missing and a limit is reached, recording stops, and so
             * does every action that needs a record.
             */
            maxUnpublishedRecords: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 1_000_000_000 })),
            maxUnpublishedSeconds: Type.Optional(Type.Integer({ minimum: 10, maximum: 604_800 })),
          },
          closed,
        ),
      ),
      /** A folder for a web server, in the layout of C2SP tlog-tiles. */
      folder: Type.Optional(
        Type.Object(
          {
            path: Type.String({ minLength: 1, maxLength: 1024 }),
            /** Whether to publish the records, which are confidential. Default: hashes and checkpoints only. */
            entries: Type.Optional(Type.Boolean()),
          },
          closed,
        ),
      ),
      /**
       * The folder of this node's head guard, preferably on another disk than the database. Default: in the data folder, named
       * by the port of `listen`.
       */
      headGuardFolder: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
    },
    closed,
  ),
  /** The source that measures the accuracy of this node's clock (Delegated Regulation (EU) 2025/1155, Articles 11 to 16). */
  clock: Type.Object(
    {
      /**
       * `system`: no measurement, and the records state that. `chrony`: read from `chronyc`. Otherwise: time servers to query
       * (RFC 5905).
       */
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
      /** Seconds between measurements. Default: 60. */
      windowSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600 })),
      /** Maximum sum of offset and uncertainty. Default: 100,000. */
      budgetMicroseconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000_000 })),
      /**
       * What happens over the budget: `flag` marks the records; the alternative stops recording, and so every action that needs
       * a record. Default: `flag`.
       */
      overBudget: Type.Optional(Type.Union([Type.Literal('flag'), Type.Literal('refuse')])),
    },
    closed,
  ),
  /** An RFC 3161 authority. Without it, the installation's own authority stamps checkpoints. */
  timeStamps: Type.Object(
    {
      authority: Type.Optional(
        Type.Object(
          {
            url: Type.String({ pattern: '^https?://[^#]+$', maxLength: 1024 }),
            /** PEM of the trusted certificates to which the authority's tokens must chain. */
            certificates: secretReference,
            /** The value of the `Authorization` header. */
            authorization: Type.Optional(secretReference),
            /** The object identifier of the only accepted time stamp policy. */
            policy: Type.Optional(Type.String({ pattern: '^[0-9]+(\\.[0-9]+)+$', maxLength: 256 })),
          },
          closed,
        ),
      ),
      /** Minutes between time stamps of the newest published checkpoint. Default: 60. */
      checkpointsEveryMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_080 })),
      /** Transitions that get their own time stamp, in addition to those that a policy requires. `*` matches any. */
      orders: Type.Optional(
        Type.Object(
          {
            /** Types of intent that get a time stamp when they are opened. */
            opened: names,
            /** States that get a time stamp when a transition enters them. */
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
