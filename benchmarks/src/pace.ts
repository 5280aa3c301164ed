export const fullPace = {
  /** Rounds of every contender; figures are medians over them. */
  rounds: 5,
  /** Length of a round over HTTP, in seconds. */
  httpSeconds: 2.5,
  /** Length of a round in process, in seconds. */
  inProcessSeconds: 1,
  /** Until V8 has optimised the measured code. */
  warmUpSeconds: 1,
  connections: 32,
  warmUpRequests: 8_000,
  appenders: [1, 8, 32, 128, 512],
  /** Records in the logs that are compared, smallest first. */
  evidence: { sizes: [10_000, 10_000_000], rounds: 5, seconds: 1 },
  publication: { callers: 128, rounds: 3, seconds: 5 },
  /** Leases of as many holders, which end at the same time. */
  leases: { rounds: 3, seconds: 3, storm: 10_000 },
  svids: { rounds: 3, seconds: 3, rotation: 10_000 },
  revocations: 12,
  /** Sizes of policy sets and directories; each with each. */
  decisions: { policies: [10, 200, 2_000], entities: [1_000, 1_000_000] },
  simulation: { decisions: 1_000_000 },
  mandates: { sizes: [1_000, 1_000_000] },
  /** Earlier transactions in the larger one of two sites. */
  transactions: 1_000_000,
  /** Concurrent callers, and the orders that they complete in a round. */
  transitions: {
    rounds: 3,
    callers: [
      { callers: 1, orders: 60 },
      { callers: 16, orders: 400 },
      { callers: 64, orders: 800 },
    ],
  },
  reconstruction: { rounds: 5, ordersARound: 40 },
  /** People with a key each; sign-ins under load, which are counted afterwards. */
  signIns: { people: 256, rounds: 5, seconds: 2.5, ceremonies: 1_000 },
  /** Rows in every table, smallest first. */
  growth: { sizes: [1_000, 100_000, 1_000_000], rounds: 3, operationsARound: 640, readingsAfterMs: 11_000 },
};

export type Pace = Readonly<typeof fullPace>;

/** Shows that everything works; too short for figures. */
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
  leases: { rounds: 1, seconds: 0.3, storm: 40 },
  svids: { rounds: 1, seconds: 0.3, rotation: 40 },
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
