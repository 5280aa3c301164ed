/** How long and how hard to measure. */
export interface Pace {
  /** Rounds of every contender; figures are medians over them. */
  readonly rounds: number;
  /** Length of a round over HTTP, in seconds. */
  readonly httpSeconds: number;
  /** Length of a round in process. */
  readonly inProcessSeconds: number;
  /** Until V8 has optimised what is measured. */
  readonly warmUpSeconds: number;
  readonly connections: number;
  readonly warmUpRequests: number;
  /** Concurrent callers of the audit log. */
  readonly appenders: readonly number[];
  readonly evidence: {
    /** Records in the logs that are compared, smallest first. */
    readonly sizes: readonly number[];
    readonly rounds: number;
    readonly seconds: number;
  };
  /** A log that is witnessed and published, beside one that is not. */
  readonly publication: { readonly callers: number; readonly rounds: number; readonly seconds: number };
  /** How often something is revoked at each door. */
  readonly revocations: number;
  /** Sizes of policy sets and directories; each with each. */
  readonly decisions: { readonly policies: readonly number[]; readonly entities: readonly number[] };
  readonly simulation: { readonly decisions: number };
  /** How many there are of them. */
  readonly mandates: { readonly sizes: readonly number[] };
  /** How many have been before, in the grown one of two sites. */
  readonly transactions: number;
  readonly transitions: {
    readonly rounds: number;
    /** Callers at once, and orders that they carry through in a round. */
    readonly callers: readonly { readonly callers: number; readonly orders: number }[];
  };
  readonly reconstruction: { readonly rounds: number; readonly ordersARound: number };
  readonly signIns: {
    /** With a key each. */
    readonly people: number;
    readonly rounds: number;
    readonly seconds: number;
    /** Under load, each of which must leave everything behind that belongs to it. */
    readonly ceremonies: number;
  };
  readonly growth: {
    /** Rows in every table, smallest first. */
    readonly sizes: readonly number[];
    readonly rounds: number;
    readonly operationsARound: number;
    readonly readingsAfterMs: number;
  };
}

export const fullPace: Pace = {
  rounds: 5,
  httpSeconds: 2.5,
  inProcessSeconds: 1,
  warmUpSeconds: 1,
  connections: 32,
  warmUpRequests: 8_000,
  appenders: [1, 8, 32, 128, 512],
  evidence: { sizes: [10_000, 10_000_000], rounds: 5, seconds: 1 },
  publication: { callers: 128, rounds: 3, seconds: 5 },
  revocations: 12,
  decisions: { policies: [10, 200, 2_000], entities: [1_000, 1_000_000] },
  simulation: { decisions: 1_000_000 },
  mandates: { sizes: [1_000, 1_000_000] },
  transactions: 1_000_000,
  transitions: {
    rounds: 3,
    callers: [
      { callers: 1, orders: 60 },
      { callers: 16, orders: 400 },
      { callers: 64, orders: 800 },
    ],
  },
  reconstruction: { rounds: 5, ordersARound: 40 },
  signIns: { people: 256, rounds: 5, seconds: 2.5, ceremonies: 1_000 },
  growth: { sizes: [1_000, 100_000, 1_000_000], rounds: 3, operationsARound: 640, readingsAfterMs: 11_000 },
};

/** Long enough to see that everything works, too short to say how fast. */
export const quickPace: Pace = {
  rounds: 1,
  httpSeconds: 0.3,
  inProcessSeconds: 0.2,
  warmUpSeconds: 0.1,
  connections: 8,
  warmUpRequests: 60,
  appenders: [1, 32],
  evidence: { sizes: [2_000, 6_000], rounds: 1, seconds: 0.2 },
  publication: { callers: 16, rounds: 1, seconds: 1.2 },
  revocations: 1,
  decisions: { policies: [10, 20], entities: [200] },
  simulation: { decisions: 1_200 },
  mandates: { sizes: [100, 400] },
  transactions: 300,
  transitions: {
    rounds: 1,
    callers: [
      { callers: 1, orders: 3 },
      { callers: 16, orders: 20 },
    ],
  },
  reconstruction: { rounds: 1, ordersARound: 5 },
  signIns: { people: 16, rounds: 1, seconds: 0.1, ceremonies: 40 },
  growth: { sizes: [10, 200], rounds: 1, operationsARound: 32, readingsAfterMs: 0 },
};
