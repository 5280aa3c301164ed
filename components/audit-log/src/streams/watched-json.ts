import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { alarmKinds, type WatchedStreams } from './watched-streams.ts';

const range = Type.Tuple([Type.Integer(), Type.Integer()]);
const watched = Compile(
  Type.Object({
    streams: Type.Record(
      Type.String(),
      Type.Object({
        node: Type.String(),
        beatMs: Type.Number(),
        last: Type.Integer(),
        place: Type.String(),
        heardAt: Type.Number(),
        silent: Type.Optional(Type.Boolean()),
        offTime: Type.Optional(Type.Enum(['behind', 'ahead'])),
      }),
    ),
    alarms: Type.Array(
      Type.Object({
        kind: Type.Enum([...alarmKinds]),
        stream: Type.String(),
        node: Type.String(),
        numbers: range,
        place: Type.String(),
        off_by_ms: Type.Optional(Type.Number()),
      }),
    ),
    reachedAt: Type.Optional(Type.Number()),
    lookedAt: Type.Optional(Type.Number()),
  }),
);

/** What the monitor has kept; undefined where it has kept nothing yet. */
export function readWatched(json: unknown): WatchedStreams | undefined {
  return watched.Check(json) ? json : undefined;
}
