import type { PostureStream, StreamedPosture } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import type { KeptPosture, PostureStore } from '../store/postures.ts';

const mostAtOnce = 5_000;
const mostDevices = 1_000;

/** Streams what was reported to processes that hold a copy. */
export function createPostureStream(store: Pick<PostureStore, 'after' | 'of'>): PostureStream {
  return {
    async posturesSince({ after, limit }) {
      const { postures, newest } = await store.after(after, Math.min(limit, mostAtOnce));
      return { postures: postures.map(streamed), newest };
    },
    posturesOf: async (devices) => (await store.of(devices.slice(0, mostDevices))).map(streamed),
  };
}

function streamed({ posture, sealed }: KeptPosture): StreamedPosture {
  return { ...posture, postureAt: toInstant(posture.postureAt.getTime()), sealed };
}
