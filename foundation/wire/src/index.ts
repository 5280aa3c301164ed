export { type CallCodec, codecOf } from './codec.ts';
export { decoderOf, encoderOf, exactEncoderOf } from './encoding.ts';
export { type DoorsElsewhere, listenerHeader, passOn } from './pass-on.ts';
export { createPeer, type Peer, type PeerOptions } from './peer.ts';
export {
  endOf,
  expired,
  ownName,
  type ProcessIdentity,
  processAt,
  processUri,
  wireErrors,
} from './process-identity.ts';
export { remoteContract } from './remote.ts';
export type { Definitions } from './schemas.ts';
export { type MayCall, type Offered, type ServedCalls, serveCalls } from './serve.ts';
export { validatorOf } from './validation.ts';
export { encodingErrors } from './wire-forms.ts';
